# SPDX-License-Identifier: BSD-2-Clause
"""
Chromium without a window, spoken to in the Chrome DevTools protocol over two pipes: each message is JSON that
ends with a NUL. No port is opened, and nothing but the standard library is needed.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

TIMEOUT = 20  # seconds until an answer counts as missing


class BrowserError(Exception):
    pass


def out_of_the_way(fd):
    """The same file under a number that is neither 3 nor 4."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved


class Browser:
    """One process. Use it as a context manager; it leaves nothing behind."""

    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise BrowserError("there is no chromium: apt-get install --no-install-recommends chromium")
        self.folder = tempfile.mkdtemp(prefix="ringfence-page-")
        theirs_in, self.to = (out_of_the_way(fd) for fd in os.pipe())
        self.back, theirs_out = (out_of_the_way(fd) for fd in os.pipe())
        self.log = open(os.path.join(self.folder, "stderr"), "w+b")

        def fds():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run",
             "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
             "--force-color-profile=srgb", "--hide-scrollbars", "--user-data-dir=" + self.folder + "/profile"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=fds, pass_fds=(3, 4),
            start_new_session=True, env={**os.environ, "HOME": self.folder})
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b""
        self.last = 0
        self.events = []
        self.pages = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A group of its own, so that it takes its helpers along.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.back], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.back, 1 << 20) if ready else b""
            if not chunk:
                self.log.seek(0)
                said = self.log.read()[-600:].decode(errors="replace")
                raise BrowserError(("chromium has ended: " if ready else "no answer in time: ") + said)
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, params=None, session=None):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.read(deadline)
            if answer.get("id") == self.last:
                break
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(method + ": " + answer["error"]["message"])
        return answer["result"]

    def wait(self, method, session):
        """Waits for an event that has not been taken yet."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session and "taken" not in event:
                    event["taken"] = True
                    return event["params"]
            self.events.append(self.read(deadline))

    def page(self):
        self.pages.append(Page(self))
        return self.pages[-1]

    def close_pages(self):
        while self.pages:
            self.pages.pop().close()
        self.events.clear()


class Page:
    """A tab, whose console, exceptions, requests and violations are kept."""

    def __init__(self, browser):
        self.browser = browser
        self.target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.call("Target.attachToTarget", {"targetId": self.target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits", "DOM"):
            self.call(domain + ".enable")

    def close(self):
        self.browser.call("Target.closeTarget", {"targetId": self.target})

    def call(self, method, **params):
        return self.browser.call(method, params, self.session)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)

    def media(self, scheme="light", media=""):
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path, settle=True):
        self.url = "file://" + os.path.abspath(path)
        self.call("Page.navigate", url=self.url)
        self.browser.wait("Page.loadEventFired", self.session)
        if settle:
            self.settle()

    def settle(self):
        """Until what was done is drawn: two frames."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def run(self, expression):
        """The value of a JavaScript expression, awaited."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def key(self, key, text=None):
        codes = {"Enter": 13, " ": 32, "Tab": 9}
        params = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]))}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text or key, **params)
        self.call("Input.dispatchKeyEvent", type="keyUp", **params)
        self.settle()

    def click(self, selector, settle=True):
        """With the mouse, in the middle of what is there."""
        box = self.run("(() => { const e = document.querySelector(%s); e.scrollIntoView({block: 'center'}); "
                       "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
                       % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
        if settle:
            self.settle()

    def picture(self, path, height=6000):
        """Of the whole page, as far as it is not higher."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def pdf(self, path):
        data = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def complaints(self):
        """What the console, the log, exceptions and the security policy said; and requests beyond the page."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            method, params = event["method"], event.get("params", {})
            if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded",
                          "Audits.issueAdded"):
                found.append(method + ": " + json.dumps(params)[:400])
            elif method == "Network.requestWillBeSent" and params["request"]["url"] != self.url:
                found.append("request: " + params["request"]["url"][:200])
        return found
