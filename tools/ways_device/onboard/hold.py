# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Keep the agent from starting for so many seconds; 0 lets it start again."""


def main(args):
    import esp32

    nvs = esp32.NVS("ways")
    nvs.set_i32("hold", args["seconds"])
    nvs.commit()
    answer({"held_s": args["seconds"]})
