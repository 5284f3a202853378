"""What is done to one board besides making it a device: flash, image, log, settings, sensors."""
