"""Aosong DHT11 temperature and humidity sensor: as the DHT22, in whole degrees and percent.

Options: pin; temperature ("temperature") and humidity ("humidity"), the datapoints' keys.
Source: Aosong DHT11 product manual: a measurement every second at most; one blocks for 25 ms.
"""

from firmware.sensors import dht22


def open(board, options):
    return dht22.open(board, options, "DHT11", 0)
