"""A real Chromium that looks at a sandbox's page, and what it may never do there."""

import contextlib
import shutil
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DEADLINE_MS = 20_000
# What a browser writes itself when an answer is an error or does not come: no fault of the page.
LOADING = "Failed to load resource"

_WATCH = """
addEventListener("securitypolicyviolation", (event) => {
    console.error(`violation of ${event.violatedDirective}: ${event.blockedURI}`);
});
"""

# Text whose colour stands out too little from what is behind it (WCAG 2: 4.5 to 1).
_FAINT = """() => {
    const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
    const behind = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        const isSvg = node.closest("svg") !== null;
        if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.matches(":disabled"))
            continue;
        const span = isSvg && /\\bon-/.test(node.getAttribute("class") ?? "")
            ? node.previousElementSibling : null;
        const style = getComputedStyle(node);
        const ink = light(numbers(isSvg ? style.fill : style.color));
        const paper = light(span ? numbers(getComputedStyle(span).fill) : behind(node));
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (contrast < 4.5) found.push(`${walk.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
    }
    return found;
}"""


def chromium():
    """Return the path of this machine's Chromium, None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        # Each launch has a fresh folder for what it keeps.
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One visitor with a tab of its own. end() says what went wrong behind the scenes."""

    def __init__(self, browser, sandbox, width=1280, scheme="light"):
        self.url = sandbox.info["api_url"]
        self.key = sandbox.http.headers["X-API-Key"]
        self.faults = []
        # Requests of the API, and the most that were under way at the same time.
        self.asked = 0
        self.most_at_once = 0
        # Parts of console messages that the test itself brings about.
        self.expected = ()
        self._open = set()
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        self.page = self._context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        self.page.add_init_script(_WATCH)
        self.page.on("request", self._on_request)
        self.page.on("requestfinished", self._on_answered)
        self.page.on("requestfailed", self._on_answered)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._on_dialog)

    def _on_request(self, request):
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.url:
            self.faults.append(f"asked another origin: {request.url}")
        if self.key in request.url:
            self.faults.append("the key was in an address")
        if parts.path.startswith(("/v1/", "/sandbox/")):
            self._open.add(request)
            self.asked += 1
            self.most_at_once = max(self.most_at_once, len(self._open))

    def _on_answered(self, request):
        self._open.discard(request)

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _on_dialog(self, dialog):
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, view):
        """Show a view, with the key from the address."""
        self.page.goto(f"{self.url}/#key={self.key}")
        self.page.locator("#strip dd").first.wait_for()
        self.page.goto(f"{self.url}/#/{view}")

    def hold(self, path):
        """Keep the next request of path waiting. Returns a list in which it will be."""
        held = []

        def on_route(route):
            if held:
                route.continue_()
            else:
                held.append(route)

        self.page.route(path, on_route)
        return held

    def faint(self):
        return self.page.evaluate(_FAINT)

    def overflow_px(self):
        """Return by how much the page is wider than its window."""
        root = "document.documentElement"
        return self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")

    def end(self):
        self._context.close()
        faults = [one for one in self.faults if not any(part in one for part in self.expected)]
        assert faults == [], faults
        assert self.most_at_once <= 1, self.most_at_once
