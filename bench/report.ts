/** One HTML file with a table and a plot per figure; nothing is fetched when it is opened. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '#compat-tests/support/host.ts';
import { median, type Outcome, show } from './measure.ts';

export interface Report {
  date: string;
  machine: string;
  outcomes: Outcome[];
}

const html = (s: string) => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** "4x", and what our own figure has to keep besides. */
function targetText(o: Outcome): string {
  const limit = o.limit === undefined ? '' : ` and ${o.limit} ${o.unit}`;
  return `${o.target}${o.absolute ? ` ${o.unit}` : 'x'}${limit}`;
}

function row(o: Outcome): string {
  const figure = o.absolute ? `${show(o.figure)} ${o.unit}` : `${o.figure.toFixed(2)}x`;
  const target = `${o.better === 'min' ? '≥' : '≤'} ${targetText(o)}`;
  const state = o.error ? `failed: ${html(o.error)}` : o.met ? 'met' : 'missed';
  const kernel = o.absolute ? '' : `${show(median(o.kernel))} ${o.unit}`;
  return `<tr class="${o.met ? 'met' : 'missed'}"><td>${html(o.title)}<td>${kernel}<td>${show(median(o.ours))} ${o.unit}<td><b>${figure}</b><td>${target}<td>${state}`;
}

export function renderHtml(report: Report): string {
  const dist = join(root, 'node_modules/uplot/dist');
  const script = readFileSync(join(dist, 'uPlot.iife.min.js'), 'utf8');
  const style = readFileSync(join(dist, 'uPlot.min.css'), 'utf8');
  return `<!doctype html><meta charset="utf-8"><title>Ouroboros benchmarks</title>
<style>${style}
body { font: 15px/1.4 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .3em .8em; border-bottom: 1px solid #ddd; text-align: left }
.met td:last-child { color: #070 } .missed td:last-child { color: #b00 }
.plots { display: flex; flex-wrap: wrap; gap: 1em } </style>
<h1>Ouroboros benchmarks</h1>
<p>${html(report.date)} · ${html(report.machine)}. Kernel and ours were measured in turn in one run; the figure is the median of the
ratios pair by pair. Read ratios, not absolute numbers.</p>
<table><tr><th>what<th>kernel<th>ours<th>figure<th>target<th></tr>
${report.outcomes.map(row).join('\n')}</table>
<div class="plots" id="plots"></div>
<script>${script}</script>
<script>const outcomes = ${JSON.stringify(report.outcomes).replaceAll('<', '\\u003c')};
for (const o of outcomes) {
  if (o.ours.length < 2) continue;
  const x = o.ours.map((_, i) => i + 1), series = [{ label: 'run' }], data = [x];
  if (!o.absolute) { series.push({ label: 'kernel', stroke: '#888', width: 2 }); data.push(o.kernel); }
  series.push({ label: 'ours', stroke: '#06c', width: 2 }); data.push(o.ours);
  new uPlot({ title: o.id + ' (' + o.unit + ')', width: 420, height: 240, series, scales: { x: { time: false }, y: { range: (u, a, b) => [0, b * 1.1] } } }, data, document.getElementById('plots'));
}</script>
`;
}

export function renderText(report: Report): string {
  return report.outcomes
    .map((o) => {
      const figure = o.absolute ? `${show(o.figure)} ${o.unit}` : `${o.figure.toFixed(2)}x`;
      const target = `${o.better === 'min' ? 'at least' : 'at most'} ${targetText(o)}`;
      const medians = o.absolute
        ? ''
        : `  (${show(median(o.ours))} to ${show(median(o.kernel))} ${o.unit})`;
      const state = o.error ? `FAILED ${o.error.split('\n')[0]}` : o.met ? 'met' : 'MISSED';
      return `${o.id.padEnd(16)} ${figure.padStart(12)}  target ${target.padEnd(18)} ${state}${medians}`;
    })
    .join('\n');
}
