import TapestryModels
import TapestryPictures

extension GraphDrawing {
  /// Drawings of one net from its outermost blocks to all its ops, each with more boxes than the one before.
  ///
  /// Normalisations and activations share the box of the op before them, equal blocks in a row are drawn once.
  /// - Parameters:
  ///   - trace: see `Model.trace(for:)`.
  ///   - title: what stands above each.
  ///   - limit: the largest number of boxes. Default 600.
  ///   - times: nanoseconds of every step of the trace, where they were measured.
  public static func views(
    of trace: ModelTrace, title: String = "", limit: Int = 600, times: [Int]? = nil
  ) -> [GraphDrawing] {
    let full = GraphDrawing(of: trace, title: title, times: times)
    let deepest = full.boxes.map(\.blocks.count).max() ?? 0
    var views: [GraphDrawing] = []
    for depth in 0..<deepest {
      let drawing = GraphDrawing(
        of: trace, title: title, detail: Detail(depth: depth + 1), times: times)
      if drawing.boxes.count > (views.last?.boxes.count ?? 0) { views.append(drawing) }
    }
    if full.boxes.count > (views.last?.boxes.count ?? 0) { views.append(full) }
    let fitting = views.filter { $0.boxes.count <= limit }
    return fitting.isEmpty ? Array(views.prefix(1)) : fitting
  }

  /// Several drawings of one net as one SVG: buttons lead from one to the other, and a click on a block to a drawing of
  /// what is inside. Where scripts do not run, as in an image on a page, the one at `first` is shown.
  ///
  /// - Precondition: at least one drawing; `first` is one of them.
  public static func svg(
    views: [GraphDrawing], first: Int, costs: Bool = false
  ) -> SVGPicture {
    let pictures = views.map { $0.svg(costs: costs) }
    guard pictures.count > 1 else { return pictures[first] }
    let bar = 34.0
    let names = pictures.indices.map { $0 == pictures.count - 1 ? "all" : "\($0 + 1)" }
    let barWidth = 24 + 60 + Double(names.count) * 40 + 24
    let widths = pictures.map { max($0.width, barWidth) }
    var result = SVGPicture(
      width: widths[first], height: pictures[first].height + bar, title: views[first].title)
    result.style =
      pictures[first].style
      + ".view{display:none}.view.on{display:inline}.button{cursor:pointer}"
      + ".button.on .stroke-faint{stroke:\(Palette.light("blue"))}\n"
      + ".view:not(:last-of-type) .block{cursor:zoom-in}\n"
    result.text("detail", x: 24, y: 26, size: 12, color: "soft")
    for (index, name) in names.enumerated() {
      let x = 76 + Double(index) * 40
      result.append(
        "<g class=\"button\(index == first ? " on" : "")\" data-view=\"\(index)\" tabindex=\"0\""
          + " role=\"button\" aria-label=\"detail \(name)\">")
      result.rectangle(
        x: x, y: 12, width: 34, height: 20, fill: "wash", stroke: "faint", radius: 5)
      result.text(name, x: x + 17, y: 26, size: 12, anchor: .middle)
      result.append("</g>")
    }
    for (index, picture) in pictures.enumerated() {
      result.append(
        "<g class=\"view\(index == first ? " on" : "")\" data-width=\"\(number(widths[index]))\""
          + " data-height=\"\(number(picture.height + bar))\""
          + (index == first ? "" : " display=\"none\"")
          + " transform=\"translate(\(number((widths[index] - picture.width) / 2)),\(number(bar)))\">"
      )
      result.append(picture.body)
      result.append("</g>")
    }
    result.script = script
    return result
  }

  private static let script = """
    const svg = document.documentElement.nodeName === 'svg'
      ? document.documentElement : document.currentScript.closest('svg');
    const views = [...svg.querySelectorAll('.view')];
    const buttons = [...svg.querySelectorAll('.button')];
    function show(index) {
      views.forEach((view, i) => view.classList.toggle('on', i === index));
      buttons.forEach((button, i) => button.classList.toggle('on', i === index));
      const {width, height} = views[index].dataset;
      svg.setAttribute('width', width);
      svg.setAttribute('height', height);
      svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    }
    buttons.forEach((button, i) => {
      button.addEventListener('click', () => show(i));
      button.addEventListener('keydown', event => {
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); show(i); }
      });
    });
    views.forEach((view, i) => view.querySelectorAll('.block').forEach(block =>
      block.addEventListener('click', () => show(Math.min(i + 1, views.length - 1)))));
    """
}
