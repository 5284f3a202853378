"""Which files of tests begin first: those that last longest, so that none of them ends alone.

make test gives whole files to its workers, in this order: a board that is made once for a file
is made once, and what is short fills up the end.
"""

# By what they took on two cores, the longest first; about will do.
_FILES = (
    "system/test_sleep",
    "system/test_provision",
    "host/test_hardware_checklist",
    "system/test_recovery",
    "system/test_recovery_hangs",
    "system/test_lifecycle",
    "system/test_doctor",
    "system/test_probe",
    "system/test_demo",
    "system/test_canary",
    "system/test_recovery_safemode",
    "system/test_recovery_flash",
    "system/test_sandbox_page",
    "system/test_board_commands",
    "system/test_provision_refused",
    "system/test_reference",
    "system/test_sandbox_life",
    "system/test_agent_faults",
    "host/test_pack_shipped",
    "device/test_powercut",
    "system/test_commands",
    "system/test_agent_story",
    "host/test_flash",
    "system/test_fresh_clone",
)
_FOLDERS = ("system", "host", "device")


def first(items):
    """Sort the items of a run in place; the order within a file stays."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path):
    folder = path.parent.name
    file = f"{folder}/{path.stem}"
    at = _FILES.index(file) if file in _FILES else len(_FILES)
    return at, _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
