/// What pages do besides being read: a cursor over time, and graphs to look into. Without it all is there.
enum Script {
  static let text = #"""
    "use strict";
    (() => {
      const pictures = [...document.querySelectorAll("figure.time")].map((figure) => {
        const svg = figure.querySelector("svg[data-left]");
        const data = JSON.parse(figure.querySelector("script").textContent);
        return {
          svg, data, left: +svg.dataset.left, rowHeight: +svg.dataset.rows || 0,
          width: svg.viewBox.baseVal.width, cursor: svg.querySelector(".cursor"),
          readout: figure.querySelector(".readout"),
        };
      }).filter((picture) => picture.data);

      const bands = (picture, column) => picture.data.series
        .map((series) => [series.name, series.values[column]])
        .filter(([, value]) => Math.abs(value) >= 0.005)
        .map(([name, value]) => `${name} ${value.toFixed(2)}`);

      const cells = (picture, column, row) => {
        const counts = picture.data.counts[column];
        const all = counts.reduce((sum, count) => sum + count, 0);
        const texts = [`${all.toLocaleString("en")} total`];
        if (row !== null && counts[row] !== undefined) {
          const next = picture.data.rows[row + 1];
          const range = `${picture.data.rows[row]}${next ? " to " + next : " and more"}`;
          texts.push(`${range}: ${counts[row].toLocaleString("en")}`);
        }
        return texts;
      };

      const show = (column, pointed, row) => {
        for (const picture of pictures) {
          const count = picture.data.times.length;
          if (column >= count) continue;
          const x = picture.left + (column + 0.5) / count * (picture.width - picture.left);
          picture.cursor.setAttribute("x1", x);
          picture.cursor.setAttribute("x2", x);
          picture.cursor.style.display = "inline";
          const texts = picture.data.counts
            ? cells(picture, column, picture === pointed ? row : null) : bands(picture, column);
          picture.readout.textContent = [picture.data.times[column], ...texts].join(" · ");
        }
      };

      for (const picture of pictures) {
        const count = picture.data.times.length;
        let column = count - 1;
        picture.svg.addEventListener("pointermove", (event) => {
          const box = picture.svg.getBoundingClientRect();
          const scale = picture.width / box.width;
          const x = (event.clientX - box.left) * scale - picture.left;
          const at = Math.floor(x / (picture.width - picture.left) * count);
          if (at < 0 || at >= count) return;
          column = at;
          let row = null;
          if (picture.data.rows) {
            row = picture.data.rows.length - 1
              - Math.floor((event.clientY - box.top) * scale / picture.rowHeight);
            if (row < 0) row = null;
          }
          show(column, picture, row);
        });
        picture.svg.setAttribute("tabindex", "0");
        picture.svg.addEventListener("keydown", (event) => {
          const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (!step) return;
          event.preventDefault();
          column = Math.min(count - 1, Math.max(0, column + step));
          show(column, picture, null);
        });
      }

      for (const figure of document.querySelectorAll("figure.icicle")) {
        const width = figure.querySelector("svg").viewBox.baseVal.width;
        const frames = [...figure.querySelectorAll(".frame")].map((g) => ({
          g, rect: g.querySelector("rect"), text: g.querySelector("text"),
          name: g.querySelector("text").dataset.name,
          x: +g.dataset.x, w: +g.dataset.w, d: +g.dataset.d,
        }));
        const slack = 0.02;
        const covers = (one, other) =>
          one.x <= other.x + slack && one.x + one.w >= other.x + other.w - slack;

        const zoom = (whole) => {
          for (const frame of frames) {
            const above = frame.d < whole.d && covers(frame, whole);
            const inside = frame.d >= whole.d && covers(whole, frame);
            frame.g.style.display = above || inside ? "" : "none";
            const x = above ? 0 : (frame.x - whole.x) / whole.w * width;
            const w = above ? width : frame.w / whole.w * width;
            frame.rect.setAttribute("x", x);
            frame.rect.setAttribute("width", Math.max(0.5, w - 1));
            frame.text.setAttribute("x", x + 4);
            const room = Math.floor((w - 8) / 7.2);
            frame.text.textContent = room >= 3 ? frame.name.slice(0, room) : "";
          }
        };
        for (const frame of frames) {
          frame.g.addEventListener("click", () => zoom(frame));
          frame.g.addEventListener("keydown", (event) => {
            if (event.key === "Enter") zoom(frame);
          });
        }
        figure.querySelector("button").addEventListener("click", () => zoom(frames[0]));

        const output = figure.querySelector("output");
        figure.querySelector("input").addEventListener("input", (event) => {
          const wanted = event.target.value.toLowerCase();
          const found = [];
          for (const frame of frames) {
            const is = wanted !== "" && frame.name.toLowerCase().includes(wanted);
            frame.g.classList.toggle("found", is);
            if (is && !found.some((other) => covers(other, frame))) found.push(frame);
          }
          const share = found.reduce((sum, frame) => sum + frame.w, 0) / frames[0].w;
          output.textContent = wanted === "" ? "" : `${(100 * share).toFixed(1)} % of the whole`;
        });
      }
    })();
    """#
}
