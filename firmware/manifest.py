"""For a firmware image of one's own: include(".../firmware/manifest.py") freezes the agent.

boot.py and main.py stay files of the board: they are what a person changes to try something.
"""

package("firmware", base_path="..")  # noqa: F821 - the builder of images provides it
