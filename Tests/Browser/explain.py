"""Opens the page of `convnet explain` in a real browser, draws a digit, looks at units, and takes screenshots.

    swift run -c release convnet train && swift run -c release convnet explain
    python3 Tests/Browser/explain.py explain.html [--browser /usr/bin/chromium] [--pictures docs/pictures]

The digit net and LeNet-5 pass; the four-class net is too small to read every digit that a mouse draws. Of nets that take
colours no digits are asked:

    python3 Tests/Interop/shapes.py shapes
    swift run -c release convnet train --model fourclassnet --data shapes
    swift run -c release convnet explain --data shapes && python3 Tests/Browser/explain.py explain.html

Needs Python's playwright and a Chromium, named with --browser where it is not that of the system: Tests/Browser/run.sh gets both
and runs all of the above.
"""

import argparse
import os
import sys

from playwright.sync_api import sync_playwright

parser = argparse.ArgumentParser()
parser.add_argument("page")
parser.add_argument("--browser", default="/usr/bin/chromium" if os.path.exists("/usr/bin/chromium") else None)
parser.add_argument("--pictures", help="folder for screenshots: light, dark, phone")
parser.add_argument("--name", default="explain", help="what the names of the screenshots begin with")
options = parser.parse_args()

passed = failed = 0


def check(what, is_good, detail=""):
    global passed, failed
    passed, failed = passed + bool(is_good), failed + (not is_good)
    print(("ok    " if is_good else "FAILED"), what, detail)


def draw_one(page, strokes):
    """Draws lines of points, in shares of the pad, by mouse."""
    box = page.locator("#pad").bounding_box()
    place = lambda point: (box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"])
    for stroke in strokes:
        page.mouse.move(*place(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*place(point), steps=8)
        page.mouse.up()
    page.wait_for_timeout(300)


one = [[(0.42, 0.25), (0.52, 0.12), (0.52, 0.88)]]
zero = [[(0.5, 0.12), (0.32, 0.25), (0.28, 0.5), (0.32, 0.75), (0.5, 0.88), (0.68, 0.75), (0.72, 0.5), (0.68, 0.25), (0.5, 0.12)]]

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
    errors, requests = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 1160}, color_scheme="light")
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: requests.append(request.url))
    address = "file://" + os.path.abspath(options.page)
    page.goto(address)
    page.wait_for_function("window.tapestry && window.tapestry.run")

    check("probabilities sum to 1", abs(page.evaluate("tapestry.run.probabilities.reduce((a, b) => a + b)") - 1) < 1e-9)
    if page.evaluate("tapestry.net.classes.join()") == "0,1,2,3,4,5,6,7,8,9":
        for name, strokes in [("1", one), ("0", zero)]:
            page.click("#clear")
            draw_one(page, strokes)
            verdict = page.inner_text("#verdict b")
            check(f"a drawn {name} is read", verdict == name, f"as {verdict}: {page.inner_text('#verdict')}")
    else:
        page.click("#clear")
        page.locator("#inks button").nth(1).click()
        before = page.evaluate("tapestry.run.probabilities.join()")
        draw_one(page, zero)
        check("a drawing in colour is answered", page.evaluate("tapestry.run.probabilities.join()") != before, page.inner_text("#verdict"))
        means = page.evaluate("""() => {
            const { net, run } = tapestry, [channels, height, width] = net.values[net.input].shape;
            return Array.from({ length: channels }, (_, c) => run.values[net.input].slice(c * height * width, (c + 1) * height * width)
              .reduce((sum, value) => sum + value * net.deviation[c] + net.mean[c], 0) / height / width);
        }""")
        check("what is drawn in red reaches the red channel", means[0] > 1.5 * max(means[1], means[2]), str(means))

    layers = page.locator(".layer canvas")
    check("every layer has a picture", layers.count() > 5, f"{layers.count()} pictures")
    convolution = page.locator(".layer canvas").nth(1)
    before = page.locator(".layer canvas").nth(0).evaluate("canvas => canvas.toDataURL()")
    convolution.scroll_into_view_if_needed()
    convolution.hover(position={"x": 30, "y": 30})
    page.wait_for_timeout(200)
    after = page.locator(".layer canvas").nth(0).evaluate("canvas => canvas.toDataURL()")
    check("pointing at a unit lights up its receptive field in the input", before != after)
    text = page.inner_text("#unit")
    check("the arithmetic shows patch, filter and bias", all(word in text.lower() for word in ["patch", "filter", "bias"]), text.split("\n")[0])
    shown = float(page.inner_text("#unit h3").split("·")[-1].replace("−", "-"))
    place = page.inner_text("#unit .place")
    check("the unit is named", "map" in place and "row" in place, place)
    total = float(page.locator("#unit .sum b").first.inner_text().replace("−", "-"))
    check("the sum is the unit's value", abs(total - shown) < 2e-3, f"{total} and {shown}")
    if page.evaluate("tapestry.net.steps.some((step) => step.op === 'Relu' && step.inputs[0] === tapestry.net.steps[0].output)"):
        activation = page.inner_text("#unit")
        check("the activation that follows is shown", "then ReLU" in activation and "max(0," in activation)

    convolution.focus()
    page.keyboard.press("ArrowRight")
    first = page.inner_text("#unit .place")
    page.keyboard.press("ArrowDown")
    check("arrow keys walk between units", first != page.inner_text("#unit .place"), page.inner_text("#unit .place"))
    page.keyboard.press("Escape")
    check("Escape lets go", "Point at a unit" in page.inner_text("#unit"))

    # Over the padding: the window of the first unit begins beyond the border, and the canvas has room for it.
    padded = page.evaluate("tapestry.net.steps.filter((step) => step.op === 'Conv' && step.pads[0] > 0).map((step) => [step.output, step.inputs[0]])")
    if padded:
        unit, below = [page.locator(f".layer canvas[data-value='{value}']") for value in padded[0]]
        corner = "canvas => canvas.getContext('2d').getImageData(0, 0, 3, 3).data.some((value) => value > 0)"
        check("nothing is drawn around the maps", not below.evaluate(corner))
        page.locator("#clear").focus()
        unit.focus()
        page.wait_for_timeout(200)
        check("a window over the padding is shown", below.evaluate(corner), page.inner_text("#unit .place"))
        check("the padding counts as zeros", page.locator("td.outside").count() > 0)
        page.keyboard.press("Escape")

    page.locator("#pad").focus()
    page.click("#clear")
    page.locator("#pad").focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    check("the pad can be drawn on by keyboard", "looks like" in page.inner_text("#verdict"))

    button = page.locator(".layer h3 button").first
    button.click()
    page.wait_for_timeout(1200)
    moved = page.inner_text("#unit .place")
    check("stepping through moves the window", "column" in moved and "column 1" not in moved.split(" · ")[0][-8:], moved)
    button.click()

    if page.locator("#samples button").count():
        page.locator("#samples button").nth(3).click()
        check("a test picture can be chosen", "which is right" in page.inner_text("#verdict") or "but it is" in page.inner_text("#verdict"))
    page.keyboard.press("Escape")
    # A net without pools has none to show.
    pools = page.evaluate("tapestry.net.steps.filter((step) => /^(Max|Average)Pool$/.test(step.op) && step.kernel[0] > 1).map((step) => step.output)")
    if pools:
        pool = page.locator(f".layer canvas[data-value='{pools[0]}']")
        pool.hover(position={"x": 20, "y": 20})
        page.wait_for_timeout(200)
        check("a pool shows its window", page.locator("table.numbers td").count() >= 4)

    def shot(name):
        if options.pictures:
            os.makedirs(options.pictures, exist_ok=True)
            page.screenshot(path=os.path.join(options.pictures, f"{options.name}-{name}.png"))

    page.evaluate("scrollTo(0, 0)")
    convolution.hover(position={"x": 40, "y": 40})
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(200)
    shot("light")
    page.click("#theme")
    page.wait_for_timeout(200)
    check("the theme can be switched", page.evaluate("document.documentElement.dataset.theme") == "dark")
    shot("dark")

    phone = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, color_scheme="light")
    page = phone.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_function("window.tapestry && window.tapestry.run")
    wide = page.evaluate("document.documentElement.scrollWidth")
    check("a phone's width is enough", wide <= 390, f"{wide} pixels")
    canvas = page.locator(".layer canvas").nth(1)
    canvas.scroll_into_view_if_needed()
    canvas.tap(position={"x": 30, "y": 30})
    page.wait_for_timeout(200)
    check("a tap shows the arithmetic", "patch" in page.inner_text("#unit").lower())
    shot("phone")

    check("no errors", not errors, "; ".join(errors))
    check("nothing is loaded", [url for url in requests if not url.startswith(("file://", "data:"))] == [], "")
    browser.close()

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
