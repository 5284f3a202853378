"""For a firmware image of one's own: include(".../firmware/manifest.py") freezes the agent.

boot.py and main.py stay files of the board: they are what a person changes to try something.

This freezes the sources as they are. `python -m ways_device.pack FOLDER` writes the agent as
deploy puts it on a board, in less memory: package("firmware", base_path=FOLDER) freezes that.
"""

package("firmware", base_path="..")  # noqa: F821 - the builder of images provides it
