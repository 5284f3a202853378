"""Aosong DHT11 temperature and humidity sensor: as the DHT22, in whole degrees and percent."""

from firmware.sensors import dht22


def open(board, options):
    return dht22.open(board, options, "DHT11", 0)
