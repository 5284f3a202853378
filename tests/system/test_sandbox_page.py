"""The sandbox's page in a real browser, against a real sandbox to which real devices publish."""

import contextlib
import time

import page_rig
import pytest
from playwright.sync_api import expect
from sandbox_rig import Device, eventually, running

pytestmark = pytest.mark.skipif(
    page_rig.chromium() is None,
    reason="no Chromium here: install chromium (Debian: apt install chromium)",
)
expect.set_options(timeout=page_rig.DEADLINE_MS)

HOSTILE = '<img src=x onerror="alert(1)">'
SCRIPT = "<script>alert(2)</script>"
STATS = "**/v1/iot/stats"
VIEWS = ("devices", "alarms", "ledger", "deliveries")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        for key, unit, kind in (
            ("temperature", "°C", "number"),
            ("door", None, "boolean"),
            ("mode", None, "string"),
        ):
            body = {"key": key, "label": key.title(), "unit": unit, "data_type": kind}
            sandbox.post("/datapoints", body)
        yield sandbox


@pytest.fixture(scope="module")
def browser():
    with page_rig.browser() as browser:
        yield browser


@pytest.fixture
def visit(browser, sandbox):
    """Open tabs that have done nothing they must not when the test ends."""
    with contextlib.ExitStack() as stack:

        def visit(of=sandbox, **options):
            made = page_rig.Visit(browser, of, **options)
            stack.callback(made.end)
            return made

        yield visit


@pytest.fixture
def device(request, sandbox):
    """A connected device; say() publishes telemetry of it."""
    device_id = request.node.name.replace("[", "-").replace("]", "")[-64:]
    with connected(sandbox, device_id) as device:
        yield device


@contextlib.contextmanager
def connected(sandbox, device_id):
    device = Device(sandbox, sandbox.register(device_id))
    device.id = device_id
    device.say = lambda **values: device.publish(f"devices/{device_id}/telemetry", values)
    try:
        yield device
    finally:
        device.leave()


def chart(page, title):
    return page.locator("figure").filter(has=page.get_by_role("heading", name=title))


def readout(page, title):
    return chart(page, title).locator("output .value")


def heading(page, text):
    return page.get_by_role("heading", name=text, level=1)


def section(page, title):
    return page.locator("section").filter(has=page.get_by_role("heading", name=title))


def raise_alarm(sandbox, device, **said):
    """Returns the id of an alarm of this device alone."""
    datapoints = sandbox.get("/datapoints")["datapoints"]
    ids = {one["name"]: one["id"] for one in datapoints}
    rule = {
        "name": f"Too warm: {device.id}"[:90],
        "rule_type": "threshold",
        "scope_type": "device",
        "scope_device_id": device.id,
        "severity": "critical",
        "actions": ["create_alarm"],
        "config": {"datapoint_id": ids["temperature"], "operator": "gt", "value": 40},
    }
    sandbox.post("/rules", {**rule, **said})
    device.say(temperature=50)
    path = f"/alarms?device_id={device.id}"
    return eventually(lambda: sandbox.get(path)["alarms"])[0]["id"]


def test_a_wrong_key_is_refused_and_the_right_one_is_kept_for_the_tab_only(visit):
    it = visit()
    page = it.page
    it.expected = (page_rig.LOADING,)
    page.goto(it.url)
    expect(page).to_have_title("ways sandbox")
    page.get_by_label("API key").fill("wayscloud_iot_wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("The sandbox refused this key.")
    page.get_by_label("API key").fill("kéy")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("That is no key")

    page.get_by_label("API key").fill(f"  {it.key}\n")
    page.get_by_role("button", name="Open").click()
    expect(heading(page, "Devices")).to_be_visible()
    page.reload()
    expect(heading(page, "Devices")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert it.key not in page.content()

    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_label("API key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_key_in_the_fragment_leaves_the_address_bar_and_the_history(visit):
    it = visit()
    it.page.goto(f"{it.url}/#key={it.key}")
    expect(heading(it.page, "Devices")).to_be_visible()
    assert it.page.url == f"{it.url}/#/devices"
    it.page.get_by_role("link", name="Ledger").click()
    expect(heading(it.page, "Ledger")).to_be_visible()
    it.page.go_back()
    assert it.page.url == f"{it.url}/#/devices"
    it.page.go_back()
    assert it.page.url == "about:blank"

    # Into a page that is already open, too.
    it.page.goto(f"{it.url}/#/ledger")
    expect(heading(it.page, "Ledger")).to_be_visible()
    it.page.evaluate("key => location.hash = `key=${key}`", it.key)
    expect(heading(it.page, "Devices")).to_be_visible()
    assert it.page.url == f"{it.url}/#/devices"
    it.page.go_back()
    expect(heading(it.page, "Ledger")).to_be_visible()
    assert it.page.url == f"{it.url}/#/ledger"


def test_what_a_device_publishes_appears_without_a_reload(visit, device):
    it = visit()
    page = it.page
    # A minute ago: values of the same moment would share a point of the chart.
    device.say(temperature=21.5, door=False, mode="auto", timestamp=int(time.time()) - 60)
    it.go(f"devices/{device.id}")
    expect(readout(page, "Temperature")).to_have_text("21.5\u00a0°C")
    expect(readout(page, "Door")).to_have_text("off")
    expect(readout(page, "Mode")).to_have_text("auto")
    page.evaluate("window.isSame = true")

    slider = chart(page, "Temperature").get_by_role("slider")
    slider.focus()
    device.say(temperature=23.25, door=True)
    device.publish(f"devices/{device.id}/status", {"battery_level": 63, "signal_strength": -71})
    expect(readout(page, "Temperature")).to_have_text("23.25\u00a0°C")
    expect(readout(page, "Door")).to_have_text("on")
    expect(page.get_by_text("63 %")).to_be_visible()
    expect(page.get_by_text("-71 dBm")).to_be_visible()
    assert page.evaluate("window.isSame")
    # The chart holds both, and redrawing has not taken the focus from it.
    expect(slider).to_be_focused()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "21.5\u00a0°C, " + said(slider))
    page.keyboard.press("ArrowRight")
    expect(readout(page, "Temperature")).to_have_text("23.25\u00a0°C")
    page.keyboard.press("Home")
    expect(readout(page, "Door")).to_have_text("off")
    box = chart(page, "Temperature").locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 40)
    expect(readout(page, "Temperature")).to_have_text("23.25\u00a0°C")


def said(slider):
    return slider.get_attribute("aria-valuetext").split(", ", 1)[1]


def test_silence_is_a_gap_in_the_line_in_every_range(visit, device):
    it = visit()
    now = int(time.time())
    stamps = [now - age for age in range(0, 800, 20) if not 300 < age < 500]
    for stamp in [*stamps, now - 3 * 86400]:
        device.say(temperature=20 + stamp % 7, timestamp=stamp)
    it.go(f"devices/{device.id}")
    found = chart(it.page, "Temperature")
    expect(found.locator(".line")).to_have_count(2)
    expect(found.locator(".gap")).to_have_count(1)
    for name, lines in (("1 h", 2), ("24 h", 1), ("7 days", 2)):
        it.page.get_by_role("button", name=name).click()
        expect(found.locator(".line")).to_have_count(lines)
        expect(it.page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    assert found.locator("text.label").count() > 4


def test_an_alarm_is_acknowledged_resolved_and_reopened(visit, sandbox, device):
    alarm_id = raise_alarm(sandbox, device)
    it = visit()
    page = it.page
    it.go(f"devices/{device.id}")
    page.get_by_role("heading", name="Open alarms").locator("..").get_by_role("link").click()
    for button, status, note in (
        ("Acknowledge", "acknowledged", "on my way"),
        ("Resolve", "resolved", HOSTILE),
        ("Reopen", "active", "back again"),
    ):
        page.get_by_label("Note").fill(note)
        page.get_by_role("button", name=button, exact=True).and_(
            page.locator(".act button")
        ).click()
        expect(page.locator(".timeline")).to_contain_text(note)
        assert sandbox.get(f"/alarms/{alarm_id}")["status"] == status
    notes = [event["note"] for event in sandbox.get(f"/alarms/{alarm_id}/timeline")]
    assert notes[-3:] == ["on my way", HOSTILE, "back again"]


def test_what_the_user_does_waits_for_the_request_that_is_under_way(visit, sandbox, device):
    alarm_id = raise_alarm(sandbox, device)
    it = visit()
    page = it.page
    it.go(f"alarms/{alarm_id}")
    button = page.get_by_role("button", name="Acknowledge", exact=True)
    button.wait_for()
    held = it.hold(STATS)
    eventually(lambda: page.evaluate("1") and held)
    button.click()
    held[0].continue_()
    expect(page.locator(".timeline")).to_contain_text("acknowledged")
    assert it.most_at_once == 1


def test_names_from_outside_are_text(visit, sandbox, device):
    key = f"evil{len(sandbox.get('/datapoints')['datapoints'])}"
    body = {"key": key, "label": SCRIPT, "unit": "<b>", "data_type": "string"}
    sandbox.post("/datapoints", body)
    sandbox.call("PATCH", f"/devices/{device.id}", {"name": HOSTILE, "device_type": SCRIPT})
    sandbox.post(f"/devices/{device.id}/tags", [HOSTILE])
    raise_alarm(sandbox, device, name=HOSTILE)
    document = {"firmware_version": SCRIPT, HOSTILE: {HOSTILE: "\u202eabc"}, "status": SCRIPT}
    for name in ("status", "attributes"):
        device.publish(f"devices/{device.id}/{name}", document, retain=True)
    device.say(**{key: HOSTILE, "constructor": 1, "__proto__": 2, HOSTILE: 3})
    own = f"/sandbox/devices/{device.id}"
    sent = sandbox.post(f"{own}/commands", {"name": "identify"})
    sandbox.call("PUT", f"{own}/config", {"constructor": SCRIPT, "log_level": "D"})
    answers = {
        "command_result": {"id": sent["id"], "state": "refused", "reason": f"no: {HOSTILE}"},
        "config_result": {"rev": 1, "keys": {"log_level": f"not {HOSTILE}", HOSTILE: "ok"}},
    }
    for kind, said in answers.items():
        device.publish(f"devices/{device.id}/events", {"event_type": kind, "metadata": said})
    it = visit()
    page = it.page
    it.go(f"devices/{device.id}")
    expect(heading(page, HOSTILE)).to_be_visible()
    expect(readout(page, SCRIPT)).to_have_text(HOSTILE)
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    expect(section(page, "Last commands")).to_contain_text(f"no: {HOSTILE}")
    told = section(page, "Settings told")
    expect(told).to_contain_text(f'constructor"{SCRIPT}" not answered')
    expect(told).to_contain_text(f'"D" not {HOSTILE}')
    assert page.locator("main img, main script, main b:not(.timeline b)").count() == 0
    for view in VIEWS:
        page.goto(f"{it.url}/#/{view}")
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator("main .empty, main table").first).to_be_visible()
        assert page.locator("main img, main script").count() == 0
    # Even a script of the page could not turn text into HTML.
    it.expected = ("TrustedHTML", "require-trusted-types-for")
    assert page.evaluate("try { document.body.innerHTML = 'x'; 0 } catch { 1 }")


def test_a_restart_of_the_sandbox_is_survived(visit, tmp_path):
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(running(tmp_path))
        it = visit(first)
        page = it.page
        it.go("devices")
        expect(page.locator("#link")).to_have_text("Live")
        page.evaluate("window.isSame = true")
        it.expected = (page_rig.LOADING,)
        assert first.stop() == 0
        expect(page.locator("#link")).to_contain_text("does not answer")
        port = it.url.rsplit(":", 1)[1]
        second = stack.enter_context(running(tmp_path, "--port", port))
        second.register("after-the-restart")
        expect(page.locator("#link")).to_have_text("Live", timeout=60_000)
        expect(page.get_by_role("link", name="after-the-restart")).to_be_visible()
        assert page.evaluate("window.isSame")


def test_nothing_is_asked_while_nobody_looks(visit):
    it = visit()
    page = it.page
    page.clock.install()
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', { get: () => window.isAway === true });"
    )
    it.go("devices")
    expect(page.locator("#link")).to_have_text("Live")

    def look(is_away):
        page.evaluate(f"isAway = {is_away}; document.dispatchEvent(new Event('visibilitychange'))")

    # It looks away while the page waits for an answer: that one is the last.
    held = it.hold(STATS)
    page.clock.run_for(5_000)
    eventually(lambda: page.evaluate("1") and held)
    look("true")
    with page.expect_request_finished():
        held[0].continue_()
    before = it.asked
    page.clock.run_for(120_000)
    page.wait_for_load_state("networkidle")
    assert it.asked == before
    look("false")
    eventually(lambda: page.evaluate("1") and it.asked > before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_and_can_be_read(visit, sandbox, device, width, scheme):
    alarm_id = raise_alarm(sandbox, device)
    sandbox.call("PATCH", f"/devices/{device.id}", {"name": "W" * 100})
    now = int(time.time())
    for age in range(0, 600, 60):
        mode = "auto" if age > 300 else "a" * 60
        device.say(temperature=age * 1e6, door=age > 300, mode=mode, timestamp=now - age)
    device.publish(f"devices/{device.id}/attributes", {"k" * 60: "v" * 200}, retain=True)
    for seq in (0, 1, 5):
        device.say(boot=1, seq=seq, odd=1)
    it = visit(width=width, scheme=scheme)
    it.page.goto(it.url)
    expect(it.page.get_by_label("API key")).to_be_visible()
    assert (it.overflow_px(), it.faint()) == (0, [])
    it.go("devices")
    for view in (*VIEWS, f"devices/{device.id}", f"alarms/{alarm_id}"):
        it.page.goto(f"{it.url}/#/{view}")
        ready = "figure svg .label" if "/" in view and view.startswith("dev") else ".empty, table"
        expect(it.page.locator("main").locator(ready).first).to_be_visible()
        assert (view, it.overflow_px(), it.faint()) == (view, 0, [])


def test_everything_is_reached_with_the_keyboard_alone(visit, sandbox, device):
    alarm_id = raise_alarm(sandbox, device)
    it = visit()
    page = it.page
    page.goto(it.url)
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(it.key)
    page.keyboard.press("Enter")
    expect(heading(page, "Devices")).to_be_visible()
    tab_to(page, page.get_by_label("Search"))
    page.keyboard.type(device.id)
    link = page.get_by_role("link", name=device.id)
    expect(page.locator("tbody tr")).to_have_count(1)
    tab_to(page, link)
    page.keyboard.press("Enter")
    expect(heading(page, device.id)).to_be_visible()
    tab_to(page, page.get_by_role("button", name="1 h"))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="1 h")).to_have_attribute("aria-pressed", "true")
    tab_to(page, page.get_by_role("slider", name="Temperature over time"))
    page.keyboard.press("End")
    expect(readout(page, "Temperature")).to_have_text("50\u00a0°C")
    tab_to(page, page.locator(f"a[href='#/alarms/{alarm_id}']"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Resolve", exact=True))
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("resolved")
    assert sandbox.get(f"/alarms/{alarm_id}")["status"] == "resolved"


def tab_to(page, target):
    """Press Tab until target has the focus. Whatever has it on the way must show that."""
    target.wait_for()
    for _ in range(150):
        page.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        is_ours = page.evaluate("document.activeElement !== document.body")
        assert not is_ours or page.evaluate(outline) != "none"
        if target.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach {target}")
