"use strict";
const sounds = [...document.querySelectorAll(".sound")].map((e) => JSON.parse(e.textContent));
const svg = document.querySelector("svg");
const player = document.getElementById("player");
const groups = [...new Set(sounds.map((s) => s.group))].sort();
// Hues a golden angle apart: neighbours in the list differ.
const colour = (group) => `hsl(${(groups.indexOf(group) * 137.5) % 360} 65% 50%)`;

const points = sounds.map((sound) => {
  const point = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  point.setAttribute("cx", 100 * sound.x);
  point.setAttribute("cy", 70 * sound.y);
  point.setAttribute("r", sounds.length > 500 ? 0.6 : 1);
  point.setAttribute("fill", colour(sound.group));
  point.setAttribute("tabindex", "0");
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = `${sound.file} (${sound.folder}, cluster ${sound.cluster})`;
  point.append(title);
  const play = () => {
    svg.querySelector(".chosen")?.classList.remove("chosen");
    point.classList.add("chosen");
    document.getElementById("name").textContent = title.textContent;
    if (!sound.sound) {
      player.removeAttribute("src");
      player.load();
      return;
    }
    player.src = "data:audio/flac;base64," + sound.sound;
    player.play();
  };
  point.addEventListener("click", play);
  point.addEventListener("keydown", (e) => e.key === "Enter" && play());
  svg.append(point);
  return point;
});

for (const group of groups) {
  const button = document.createElement("button");
  const dot = document.createElement("i");
  dot.style.background = colour(group);
  button.append(dot, group);
  button.addEventListener("click", () => {
    const off = button.classList.toggle("off");
    sounds.forEach((s, i) => s.group === group && (points[i].style.display = off ? "none" : ""));
  });
  document.getElementById("legend").append(button);
}
