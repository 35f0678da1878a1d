// Values under the pointer (or the arrow keys), curves that can be switched off, a span that can be zoomed into.
// The page is whole without it.
(() => {
  const WIDTH = 10000, HEIGHT = 4000; // units of the SVG, as in reports/chart.py
  const LEAST = 4; // points that a zoom shows at least

  const decode = (path, n, scale) => {
    // whole steps from point to point, as reports/chart.py writes them
    const values = new Array(n).fill(NaN);
    for (const part of path.getAttribute("d").split("M").slice(1)) {
      const numbers = part.match(/-?\d+/g).map(Number);
      let [x, y] = numbers;
      const put = () => { values[Math.round(x / WIDTH * n - .5)] = scale.value(1 - y / HEIGHT); };
      put();
      for (let i = 2; i + 1 < numbers.length; i += 2) { x += numbers[i]; y += numbers[i + 1]; put(); }
    }
    return values;
  };
  const scaleOf = (kind, low, high) => kind === "log"
    ? { low, high, value: up => low * (high / low) ** up, up: value => Math.log(value / low) / Math.log(high / low) }
    : { low, high, value: up => low + up * (high - low), up: value => (value - low) / (high - low) };
  const write = (value, form) => {
    if (Number.isNaN(value)) return "–";
    const share = form[0] === "%", places = Number(form.replace("%", ""));
    const text = (share ? 100 * value : value).toFixed(places).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212");
    return text + (share ? "%" : "");
  };
  const roundNumbers = (low, high) => {
    const size = 10 ** Math.floor(Math.log10((high - low) / 5));
    const step = [1, 2, 2.5, 5, 10].map(m => m * size).find(s => s >= (high - low) / 5 * (1 - 1e-9));
    const values = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9) + 1e-12; i++) values.push(i * step);
    return { values, step };
  };
  const placesOf = step => { let n = 0; while (n < 11 && Math.abs(step * 10 ** n - Math.round(step * 10 ** n)) > 1e-6) n++; return n; };
  const element = (kind, text = "") => {
    const made = document.createElement("div");
    made.className = kind; made.textContent = text;
    return made;
  };

  const plots = [...document.querySelectorAll(".plot[data-y]")].map(plot => {
    const [kind, low, high] = plot.dataset.y.split(" ").map((part, i) => i ? Number(part) : part);
    const scale = scaleOf(kind, low, high);
    let day = 0;
    const names = plot.dataset.days
      ? plot.dataset.days.split(" ").map(step => new Date((day += Number(step)) * 864e5).toISOString().slice(0, 10))
      : plot.dataset.names.split("|");
    const n = names.length;
    const figure = plot.closest("figure") ?? plot.parentElement;
    const chart = plot.parentElement, svg = plot.querySelector("svg"), raster = svg.querySelector(".raster");
    const beside = chart.querySelector(".beside"), below = chart.querySelector(".below");
    const whole = { box: svg.getAttribute("viewBox"), grid: raster.getAttribute("d") };
    const curves = [...plot.querySelectorAll("[data-name]")];
    const values = new Map();
    const of = curve => {
      if (!values.has(curve)) {
        values.set(curve, "v" in curve.dataset
          ? curve.dataset.v.split(" ").map(text => text === "" ? NaN : Number(text))
          : decode(curve, n, scale));
      }
      return values.get(curve);
    };
    // in the order of the legend, where there is one
    const called = [...chart.querySelectorAll(".legend li")].map(item => item.textContent);
    curves.sort((a, b) => called.indexOf(a.dataset.name) - called.indexOf(b.dataset.name));
    const shown = () => curves.filter(curve => !curve.classList.contains("off"));
    const tip = element("tip"), rule = element("rule"), pick = element("pick"), back = element("back", "show all");
    tip.hidden = rule.hidden = pick.hidden = back.hidden = true;
    plot.append(pick, rule, tip, back);

    let first = 0, last = n - 1, at = n - 1, pressed = null;
    const left = i => (i + .5 - first) / (last - first + 1);
    const within = i => Math.max(first, Math.min(last, i));
    const under = event => {
      const box = plot.getBoundingClientRect();
      return within(first + Math.floor((event.clientX - box.left) / box.width * (last - first + 1)));
    };
    const show = () => {
      const share = left(at);
      rule.style.left = `${100 * share}%`;
      const title = document.createElement("b");
      title.textContent = names[at];
      tip.replaceChildren(title, ...shown().map(curve => {
        const row = document.createElement("div"), key = document.createElement("i");
        key.className = curve.classList.value.replace(/line|bar/, "key");
        row.append(key, `${curve.dataset.name} `, write(of(curve)[at] ?? NaN, curve.dataset.form));
        return row;
      }));
      tip.hidden = rule.hidden = false;
      // beside the pointer, where there is more room, and within the plot
      const middle = share * plot.clientWidth, wide = tip.offsetWidth;
      const start = share < .5 ? middle + 10 : middle - 10 - wide;
      tip.style.left = `${Math.max(0, Math.min(start, plot.clientWidth - wide))}px`;
    };
    const hide = () => { tip.hidden = rule.hidden = pick.hidden = true; pressed = null; };

    const zoom = (from, to) => {
      [first, last] = [from, to];
      at = within(at);
      const zoomed = from > 0 || to < n - 1;
      plot.classList.toggle("zoomed", zoomed);
      chart.querySelectorAll(".zoom").forEach(label => label.remove());
      [...beside.querySelectorAll("span"), ...below.querySelectorAll("span")].forEach(label => { label.hidden = zoomed; });
      back.hidden = !zoomed;
      if (!zoomed) {
        svg.setAttribute("viewBox", whole.box);
        raster.setAttribute("d", whole.grid);
        return;
      }
      // as high as what is seen of the curves, bars from 0
      const seen = shown().flatMap(curve => [...of(curve).slice(from, to + 1), ...("v" in curve.dataset ? [0] : [])])
        .filter(value => !Number.isNaN(value));
      let [down, up] = seen.length ? [Math.min(...seen), Math.max(...seen)].map(scale.up) : [0, 1];
      const room = Math.max((up - down) * .06, 1e-3);
      [down, up] = [down - room, up + room];
      const begin = from / n * WIDTH, wide = (to - from + 1) / n * WIDTH;
      const top = (1 - up) * HEIGHT, high = (up - down) * HEIGHT;
      svg.setAttribute("viewBox", `${begin} ${top} ${wide} ${high}`);
      const form = curves[0]?.dataset.form ?? "2", share = form[0] === "%";
      const ticks = roundNumbers(scale.value(down), scale.value(up));
      const places = placesOf(ticks.step * (share ? 100 : 1));
      let grid = "";
      for (const value of ticks.values) {
        const y = (1 - scale.up(value)) * HEIGHT;
        grid += `M${begin} ${y}h${wide}`;
        const label = document.createElement("span");
        label.className = "zoom"; label.textContent = write(value, `${share ? "%" : ""}${places}`);
        label.style.top = `${100 * (y - top) / high}%`;
        beside.append(label);
        const room = document.createElement("i"); // makes room for the widest
        room.className = "zoom"; room.textContent = label.textContent;
        beside.prepend(room);
      }
      const count = Math.min(to - from + 1, plot.clientWidth < 420 ? 3 : 6);
      for (let k = 0; k < count; k++) {
        const i = Math.round(from + (k + .5) * (to - from + 1) / count - .5);
        const label = document.createElement("span");
        label.className = "zoom"; label.textContent = names[i]; label.style.left = `${100 * left(i)}%`;
        below.append(label);
        grid += `M${(i + .5) / n * WIDTH} ${top}v${high}`;
      }
      raster.setAttribute("d", grid);
    };

    const made = { figure, n, zoom, again: () => zoom(first, last) };
    // charts of one figure, such as log and linear, show the same span
    const together = (from, to) => plots.filter(other => other.figure === figure && other.n === n)
      .forEach(other => other.zoom(from, to));
    const about = factor => {
      const half = Math.max(LEAST, Math.round((last - first + 1) * factor)) / 2;
      const from = Math.max(0, Math.min(Math.round(at - half), n - 1));
      together(from, Math.min(n - 1, Math.round(from + 2 * half - 1)));
    };

    plot.tabIndex = 0;
    plot.addEventListener("pointermove", event => {
      at = under(event);
      show();
      if (pressed === null) return;
      const [a, b] = [Math.min(pressed, at), Math.max(pressed, at)];
      pick.style.left = `${100 * left(a - .5)}%`;
      pick.style.width = `${100 * (b - a + 1) / (last - first + 1)}%`;
      pick.hidden = b - a + 1 < LEAST;
    });
    plot.addEventListener("pointerdown", event => {
      if (event.target === back) return;
      at = under(event);
      show();
      if (event.pointerType === "touch" || event.button) return; // a finger scrolls the page
      pressed = at;
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointerup", () => {
      const [a, b] = [Math.min(pressed ?? at, at), Math.max(pressed ?? at, at)];
      pressed = null; pick.hidden = true;
      if (b - a + 1 >= LEAST) together(a, b);
    });
    plot.addEventListener("dblclick", () => together(0, n - 1));
    back.addEventListener("click", () => together(0, n - 1));
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -21, PageDown: 21 }[event.key];
      if (step) at = within(at + step);
      else if (event.key === "+") about(.5);
      else if (event.key === "-") about(2);
      else if (event.key === "Escape") together(0, n - 1);
      else return;
      event.preventDefault();
      show();
    });

    for (const item of chart.querySelectorAll(".legend li")) {
      const mine = [...plot.querySelectorAll("[data-name], [data-of]")]
        .filter(part => (part.dataset.name ?? part.dataset.of) === item.textContent);
      if (!mine.length) continue;
      item.tabIndex = 0;
      item.setAttribute("role", "button");
      item.setAttribute("aria-pressed", "true");
      const toggle = () => {
        [item, ...mine].forEach(part => part.classList.toggle("off"));
        item.setAttribute("aria-pressed", String(!item.classList.contains("off")));
        made.again();
      };
      item.addEventListener("click", toggle);
      item.addEventListener("keydown", event => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      });
    }
    return made;
  });
})();
