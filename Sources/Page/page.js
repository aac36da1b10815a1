// The state of the page, and what its parts have in common. The parts of the page run in one function, in the order in
// which page.c embeds them.
"use strict";

const net = JSON.parse(document.getElementById("data").textContent);
const weights = decodeWeights(net.weightData, net.weights);
const find = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const number = (value, digits = 3) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);
const inputShape = net.values[net.input].shape;
let run = null;
/** The unit shown: {value, at: [c, y, x]}, and whether a click holds it. */
let chosen = null, isHeld = false;
