"""Aosong DHT22 (AM2302) temperature and humidity sensor, by the driver that stock images freeze.

Options: pin; temperature ("temperature") and humidity ("humidity"), the datapoints' keys.
Source: AM2302 product manual: a measurement every 2 s at most, 0.1 degC and 0.1 % steps; one
blocks for 25 ms.
"""

from firmware.errors import SensorError
from firmware.reading import Datapoint


class Dht:
    def __init__(self, driver, temperature, humidity):
        self.points = (temperature, humidity)
        self.driver = driver

    async def read_into(self, reading):
        temperature, humidity = self.points
        try:
            self.driver.measure()
        except Exception as exc:
            # The driver tells a bad checksum by a bare Exception, a dead wire by an OSError.
            raise SensorError(exc)
        reading.set(temperature.key, self.driver.temperature())
        reading.set(humidity.key, self.driver.humidity())


def open(board, options, driver="DHT22", decimals=1):
    import dht

    return Dht(
        getattr(dht, driver)(board.pin(options.pop("pin"))),
        Datapoint(options.pop("temperature", "temperature"), "°C", decimals=decimals),
        Datapoint(options.pop("humidity", "humidity"), "%", decimals=decimals),
    )
