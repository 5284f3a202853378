"""The life of devices after their birth: looked at, replaced, taken out of service, audited.

devices       what the account has, and one device whole
profiles      which profile a device follows, as far as anybody can tell
belongings    what a device has on the platform that can move to another one
record        what was begun and must be finished, on the disk
board         what is asked of the board that is plugged in
replace       another id, or another login, for a device
decommission  the end of a device
audit         platform, journal and boards compared
"""
