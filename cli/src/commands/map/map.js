"use strict";
// All points are drawn as pixels of one picture, so that 50,000 of them move as lightly as a few. Elements there are only
// for what is chosen and what lies beside it.
const { folders, sounds, cluster, inside } = JSON.parse(document.querySelector(".map").textContent);
const $ = (id) => document.getElementById(id);
const [plane, player, search, colour] = ["plane", "player", "search", "colour"].map($);
const paint = plane.getContext("2d");

const links = sounds.map((sound) => sound[0]);
const decoded = (link) => { try { return decodeURIComponent(link); } catch { return link; } };
const names = links.map((link) => decoded(link) || "standard input");
const lower = names.map((name) => name.toLowerCase());
const xs = Float64Array.from(sounds, (sound) => sound[3]);
const ys = Float64Array.from(sounds, (sound) => sound[4]);
const about = (i) => `${names[i]} (${folders[sounds[i][1]]}, cluster ${sounds[i][2] + 1}, ${sounds[i][5].toFixed(1)} s)`;

// ---- Groups and their colours

let groups = [], group = new Uint32Array(sounds.length), colours = new Uint32Array(0);
const hidden = new Set();
const isFound = new Uint8Array(sounds.length).fill(1);
const seen = (i) => isFound[i] && !hidden.has(group[i]);

/** A colour of CSS as a pixel of a picture. */
function pixel(css) {
  const one = new OffscreenCanvas(1, 1).getContext("2d");
  one.fillStyle = css;
  one.fillRect(0, 0, 1, 1);
  return new Uint32Array(one.getImageData(0, 0, 1, 1).data.buffer)[0];
}

function makeGroups() {
  const byCluster = colour.value === "cluster";
  const key = (sound) => (byCluster ? sound[2] : sound[1]);
  const name = (number) => (byCluster ? `cluster ${number + 1}` : folders[number]);
  const count = new Map();
  for (const sound of sounds) count.set(key(sound), (count.get(key(sound)) ?? 0) + 1);
  groups = [...count.keys()].sort((a, b) => (byCluster ? a - b : name(a) < name(b) ? -1 : 1));
  const place = new Map(groups.map((number, at) => [number, at]));
  group = Uint32Array.from(sounds, (sound) => place.get(key(sound)));
  // Hues a golden angle apart: neighbours in the list differ.
  const hue = (at) => `hsl(${(at * 137.5) % 360} 65% 50%)`;
  colours = Uint32Array.from(groups, (_, at) => pixel(hue(at)));
  hidden.clear();
  $("legend").replaceChildren(...groups.map((number, at) => {
    const button = document.createElement("button");
    const dot = document.createElement("i");
    dot.style.background = hue(at);
    button.type = "button";
    button.append(dot, `${name(number)} (${count.get(number)})`);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(at)) hidden.add(at);
      button.setAttribute("aria-pressed", String(!hidden.has(at)));
      tell();
    });
    return button;
  }));
  tell();
}

/** Says how many are seen, and draws. */
function tell() {
  let count = 0;
  for (let i = 0; i < sounds.length; i++) count += seen(i) ? 1 : 0;
  $("count").textContent = count === sounds.length ? `${count} sounds` : `${count} of ${sounds.length} sounds`;
  redraw();
}

// ---- The view: what lies in the middle, and pixels per unit of the map

let view = { x: 0.5, y: 0.5, scale: 1 }, whole = 1, chosen = -1, pointed = -1, waiting = false;
const left = (i) => (xs[i] - view.x) * view.scale + plane.clientWidth / 2;
const top_ = (i) => (ys[i] - view.y) * view.scale + plane.clientHeight / 2;

function showAll() {
  const range = (values) => values.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
  const [[x0, x1], [y0, y1]] = [range(xs), range(ys)];
  whole = 0.94 * Math.min(plane.clientWidth / Math.max(x1 - x0, 1e-6), plane.clientHeight / Math.max(y1 - y0, 1e-6));
  view = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: whole };
  redraw();
}

/** So many times nearer, around a point of the screen. */
function zoom(times, x = plane.clientWidth / 2, y = plane.clientHeight / 2) {
  const scale = Math.min(Math.max(view.scale * times, whole / 2), whole * 2000);
  const [dx, dy] = [x - plane.clientWidth / 2, y - plane.clientHeight / 2];
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  view.scale = scale;
  redraw();
}

function move(dx, dy) {
  view.x -= dx / view.scale;
  view.y -= dy / view.scale;
  redraw();
}

// ---- Drawing

let picture, pixels, grey;

function resize() {
  const dense = window.devicePixelRatio || 1;
  const [width, height] = [plane.clientWidth, plane.clientHeight].map((size) => Math.max(1, Math.round(size * dense)));
  if (picture && picture.width === width && picture.height === height) return;
  plane.width = width;
  plane.height = height;
  picture = paint.createImageData(width, height);
  pixels = new Uint32Array(picture.data.buffer);
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  resize();
  const { width, height } = picture;
  const dense = width / plane.clientWidth;
  const few = Math.min(Math.max(0.3 * Math.sqrt(plane.clientWidth * plane.clientHeight / sounds.length), 1.2), 6);
  const radius = dense * Math.min(few * Math.max(1, Math.sqrt(view.scale / whole)), 8);
  // A disc: how far each pixel of it lies from that of its middle.
  const edge = Math.floor(radius), disc = [];
  for (let dy = -edge; dy <= edge; dy++) {
    const wide = Math.floor(Math.sqrt(radius * radius - dy * dy));
    for (let dx = -wide; dx <= wide; dx++) disc.push(dy * width + dx);
  }
  pixels.fill(0);
  const [scale, x0, y0] = [view.scale * dense, width / 2 - view.x * view.scale * dense, height / 2 - view.y * view.scale * dense];
  const isHidden = groups.map((_, number) => hidden.has(number));
  const points = (which, ink) => {
    for (let i = 0; i < xs.length; i++) {
      if (isFound[i] !== which || isHidden[group[i]]) continue;
      const x = Math.round(xs[i] * scale + x0), y = Math.round(ys[i] * scale + y0);
      // What does not lie within the picture as a whole is left out.
      if (x < edge || x >= width - edge || y < edge || y >= height - edge) continue;
      const middle = y * width + x, drop = ink ?? colours[group[i]];
      for (let k = 0; k < disc.length; k++) pixels[middle + disc[k]] = drop;
    }
  };
  points(0, grey);
  points(1);
  paint.putImageData(picture, 0, 0);
  for (const [ring, i] of [["ring", chosen], ["tip", pointed]]) {
    $(ring).hidden = i < 0;
    if (i < 0) continue;
    const toLeft = ring === "tip" && left(i) > plane.clientWidth / 2;
    const x = ring === "tip" ? left(i) + (toLeft ? -12 : 12) : left(i);
    $(ring).style.transform = `translate(${x}px, ${top_(i)}px)${toLeft ? " translateX(-100%)" : ""}`;
  }
}

// ---- Choosing and hearing

/** Of the points that are seen, that for which a function is smallest, below a limit. */
function least(away, limit = Infinity) {
  let [best, found] = [limit, -1];
  for (let i = 0; i < sounds.length; i++) {
    if (!seen(i)) continue;
    const distance = away(i);
    if (distance < best) [best, found] = [distance, i];
  }
  return found;
}

/** The point at a place of the screen. */
function at(x, y) {
  const [mapX, mapY] = [view.x + (x - plane.clientWidth / 2) / view.scale, view.y + (y - plane.clientHeight / 2) / view.scale];
  return least((i) => (xs[i] - mapX) ** 2 + (ys[i] - mapY) ** 2, (14 / view.scale) ** 2);
}

function choose(i, play = true) {
  chosen = i;
  if (i < 0) return;
  $("name").textContent = about(i);
  if (left(i) < 0 || top_(i) < 0 || left(i) > plane.clientWidth || top_(i) > plane.clientHeight) {
    view.x = xs[i];
    view.y = ys[i];
  }
  const beside = [];
  for (let other = 0; other < sounds.length; other++) {
    if (other === i || !seen(other)) continue;
    const distance = (xs[i] - xs[other]) ** 2 + (ys[i] - ys[other]) ** 2;
    if (beside.length === 10 && distance >= beside[9].distance) continue;
    beside.push({ other, distance });
    beside.sort((a, b) => a.distance - b.distance);
    beside.length = Math.min(beside.length, 10);
  }
  list("Sounds beside it", beside.map(({ other }) => other));
  redraw();
  if (play) hear(i);
}

function hear(i) {
  const clip = inside ? document.getElementById(`clip${i}`)?.textContent : "";
  if (inside ? !clip : !links[i]) {
    player.removeAttribute("src");
    player.load();
    $("name").textContent = `${about(i)}: its sound is not on this page`;
    return;
  }
  player.src = inside ? `data:audio/flac;base64,${clip}` : links[i];
  player.play().catch(() => {});
}

player.addEventListener("error", () => {
  if (chosen >= 0 && player.hasAttribute("src")) {
    $("name").textContent = `${about(chosen)}: cannot be played; the file is not there, or this browser does not know its format`;
  }
});

/** Shows sounds as buttons, for keys and screen readers. */
function list(title, numbers) {
  $("list-title").textContent = title;
  $("list").replaceChildren(...numbers.map((i) => {
    const [item, button] = [document.createElement("li"), document.createElement("button")];
    button.type = "button";
    button.textContent = names[i];
    button.addEventListener("click", () => {
      choose(i);
      // The list is another one now; who works with keys stays in it.
      ($("list").querySelector("button") ?? plane).focus();
    });
    item.append(button);
    return item;
  }));
}

// ---- What people do

const held = new Map();
let dragged = 0;

plane.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  plane.setPointerCapture(event.pointerId);
  held.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (held.size === 1) dragged = 0;
});
plane.addEventListener("pointermove", (event) => {
  const [x, y] = [event.offsetX, event.offsetY];
  const before = held.get(event.pointerId);
  if (!before) {
    const now = at(x, y);
    if (now !== pointed) {
      pointed = now;
      if (now >= 0) $("tip").textContent = names[now];
      redraw();
    }
    return;
  }
  dragged += Math.abs(x - before[0]) + Math.abs(y - before[1]);
  const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const far = ([a, b], [c, d]) => Math.hypot(a - c, b - d);
    zoom(far([x, y], other) / Math.max(far(before, other), 1), (x + other[0]) / 2, (y + other[1]) / 2);
  } else if (dragged > 4) move(x - before[0], y - before[1]);
  held.set(event.pointerId, [x, y]);
});
plane.addEventListener("pointerup", (event) => {
  if (held.delete(event.pointerId) && dragged <= 4) {
    const found = at(event.offsetX, event.offsetY);
    if (found >= 0) choose(found);
  }
});
plane.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
plane.addEventListener("pointerleave", () => {
  pointed = -1;
  redraw();
});
plane.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  zoom(1.0015 ** (-event.deltaY * lines), event.offsetX, event.offsetY);
}, { passive: false });

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
plane.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const way = WAYS[event.key];
  if (way) {
    const [x, y] = chosen < 0 ? [view.x, view.y] : [xs[chosen], ys[chosen]];
    // Near, and rather straight ahead than aside.
    const next = chosen < 0 ? least((i) => Math.hypot(xs[i] - x, ys[i] - y)) : least((i) => {
      const [dx, dy] = [xs[i] - x, ys[i] - y];
      const along = dx * way[0] + dy * way[1], aside = Math.abs(dx * way[1] - dy * way[0]);
      return i === chosen || along <= 0 || aside > 2 * along ? Infinity : Math.hypot(dx, dy) * (1 + aside / along);
    });
    if (next >= 0) choose(next, false);
  } else if (event.key === "Enter" || event.key === " ") {
    if (chosen >= 0) hear(chosen);
  } else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") showAll();
  else return;
  event.preventDefault();
});

$("in").addEventListener("click", () => zoom(1.5));
$("out").addEventListener("click", () => zoom(1 / 1.5));
$("all").addEventListener("click", showAll);
colour.addEventListener("change", makeGroups);
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  const found = [];
  for (let i = 0; i < sounds.length; i++) {
    isFound[i] = !wanted || lower[i].includes(wanted) ? 1 : 0;
    if (wanted && isFound[i] && found.length < 50) found.push(i);
  }
  list(wanted ? "Found" : "Sounds beside it", found);
  tell();
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !search.value.trim()) return;
  const first = least((i) => i);
  if (first >= 0) choose(first);
});

function recolour() {
  grey = pixel(getComputedStyle(document.documentElement).getPropertyValue("--line").trim() || "#888");
  redraw();
}

colour.value = cluster ? "cluster" : "folder";
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
recolour();
makeGroups();
new ResizeObserver(redraw).observe(plane);
showAll();
