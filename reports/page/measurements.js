// What the run measured of its guests: distributions of blackout, brownout, clients' gaps, settle time, duration,
// bytes and passes, by phase or by fault.
//
// A strip: every case is a dot, the box spans the middle half, the line in it is the median, the small
// diamond the 95th percentile (nearest rank). Where values span more than two decades the scale is
// logarithmic. Below each picture a table says the same. Only what was measured is shown; cases that
// measure something else (blind, not delivered, several faults at once) are told apart or left out.

/** The cases as values: all that this file needs to know of a case. */
function measuredCases() {
  return cases.map((one) => {
    const fault = one.kind.inMap ? one.kind.telling : null;
    return {phase: fault ? fault.point.split('/')[0] : '', kind: one.faults.length === 0 ? 'no fault'
      : fault ? fault.kind : 'several faults', side: fault ? fault.side : '', protocol: one.protocol, verdict: one.verdict,
    blackout_ms: one.blackout_ms, brownout_ms: one.brownout_ms, ping_gap_ms: one.ping_gap_ms,
    tcp_gap_ms: one.tcp_gap_ms, duration_ms: one.duration_ms,
    settle_ms: one.settle_ms, bytes: one.bytes, passes: one.passes};
  });
}

const measures = [
  {key: 'blackout_ms', name: 'Blackout', about: 'the longest the guest stood still', text: milliseconds},
  {key: 'brownout_ms', name: 'Brownout', about: 'guest time lost outside the blackout', text: milliseconds},
  {key: 'ping_gap_ms', name: 'Ping gap', about: 'the longest time without an answer to a ping', text: milliseconds},
  {key: 'tcp_gap_ms', name: 'TCP gap', about: 'the longest silence of a connection to the VM', text: milliseconds},
  {key: 'settle_ms', name: 'Settle time', about: 'from migrate until the manager was done', text: milliseconds},
  {key: 'duration_ms', name: 'Case duration', about: 'from its first event to its last', text: milliseconds},
  {key: 'bytes', name: 'Bytes sent', about: 'forwarded to the destination when the channel ended', text: (value) => byteText(value)},
  {key: 'passes', name: 'RAM passes', about: 'as QEMU counts them', text: (value) => String(value)},
];
const groupings = [['phase', 'By phase'], ['kind', 'By fault'], ['side', 'By side'], ['protocol', 'By protocol']];
const showing = {measure: 'blackout_ms', by: 'phase'};

/** Of values in rising order; nearest rank, as in the Markdown summary. */
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];

/** Rows of a distribution: {name, values (rising), n, median, p95, low, high}. */
function distribution(list, key, by) {
  const groups = new Map();
  for (const one of list) {
    if (!(one[key] >= 0) || one.verdict === 'not-delivered') continue;
    const name = one[by] || (one.kind === 'no fault' ? 'no fault' : 'several faults');
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(one[key]);
  }
  const known = by === 'phase' ? data.phases.map((phase) => phase.name) : by === 'side' ? sideOrder : [];
  const place = (name) => (name === 'no fault' ? -1 : known.includes(name) ? known.indexOf(name) : known.length);
  const rows = [...groups].map(([name, values]) => {
    values.sort((a, b) => a - b);
    return {name, values, n: values.length, median: percentile(values, 0.5), p95: percentile(values, 0.95),
      low: percentile(values, 0.25), high: percentile(values, 0.75), most: values[values.length - 1]};
  });
  return rows.sort((a, b) => place(a.name) - place(b.name) || (known.length ? 0 : b.median - a.median) || a.name.localeCompare(b.name));
}

/** At most `most` of the values, evenly taken, first and last among them. */
const thinTo = (values, most) => values.length <= most ? values
  : Array.from({length: most}, (_, index) => values[Math.round(index * (values.length - 1) / (most - 1))]);

const shortTime = (ms) => (ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`);

function scaleFor(rows, from, to) {
  const low = Math.min(...rows.map((row) => row.values[0]));
  const high = Math.max(...rows.map((row) => row.most));
  const above = Math.min(...rows.map((row) => row.values.find((value) => value > 0) ?? Infinity));
  const log = high > 100 * Math.max(above, 1e-3) && Number.isFinite(above);
  if (log) return {scale: d3.scaleLog().domain([Math.max(above, high / 1e6), high]).range([from, to]).clamp(true).nice(), log};
  return {scale: d3.scaleLinear().domain([Math.min(0, low), high || 1]).range([from, to]).nice(), log};
}

function stripChart(rows, measure, width) {
  const narrow = width < 560;
  const left = narrow ? 92 : 130;
  const right = width - (narrow ? 12 : 190);
  const rowHeight = 30;
  const top = narrow ? 0 : 18;
  const below = top + rows.length * rowHeight + 4;
  const height = below + 28;
  const {scale, log} = scaleFor(rows, left + 6, right - 6);
  const svg = s('svg', {viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'});
  const axis = s('g', {class: 'tl-axis', transform: `translate(0,${below})`});
  const count = Math.max(2, (right - left) / 110);
  let ticks = scale.ticks(count);
  if (log && ticks.length > count) ticks = ticks.filter((value) => Math.abs(Math.log10(value) % 1) < 1e-9 || Math.abs(Math.log10(value) % 1) > 1 - 1e-9);
  for (const value of ticks) svg.append(s('line', {class: 'tl-grid', x1: scale(value), x2: scale(value), y1: top, y2: below}));
  d3.select(axis).call(d3.axisBottom(scale).tickValues(ticks).tickSizeOuter(0).tickFormat(measure.text === milliseconds ? shortTime : measure.text));
  if (!narrow) svg.append(s('text', {class: 'm-numbers', x: width, y: 12, 'text-anchor': 'end'}, 'median · 95th pct. · cases'));
  const dots = Math.max(20, Math.min(400, Math.floor(4000 / rows.length)));  // a picture, not a list: thousands say no more
  rows.forEach((row, index) => {
    const y = top + index * rowHeight + rowHeight / 2 + 2;
    const tipText = `${row.name}: median ${measure.text(row.median)}, 95th percentile ${measure.text(row.p95)}, most ${measure.text(row.most)}, ${row.n} cases`;
    const line = s('g', {class: 'm-row'}, s('rect', {class: 'm-back', x: 0, y: y - rowHeight / 2, width, height: rowHeight}),
      s('text', {class: 'm-name', x: 0, y: y + 4}, row.name.length > (narrow ? 13 : 18) ? row.name.slice(0, narrow ? 12 : 17) + '…' : row.name));
    thinTo(row.values, dots).forEach((value, place) => line.append(
      s('circle', {class: 'm-dot', cx: scale(value), cy: y + ((place * 7) % 13) - 6, r: 2})));
    line.append(s('rect', {class: 'm-box', x: scale(row.low), y: y - 8, width: Math.max(1, scale(row.high) - scale(row.low)), height: 16}),
      s('line', {class: 'm-median', x1: scale(row.median), x2: scale(row.median), y1: y - 11, y2: y + 11}),
      s('path', {class: 'm-p95', d: `M${scale(row.p95)} ${y - 6}l5 6l-5 6l-5 -6z`}));
    if (!narrow) line.append(s('text', {class: 'm-numbers', x: width, y: y + 4, 'text-anchor': 'end'},
      `${measure.text(row.median)} · ${measure.text(row.p95)} · ${row.n}`));
    tipOf(line, tipText);
    svg.append(line);
  });
  svg.append(axis);
  return {svg, log};
}

function distributionTable(rows, measure, by) {
  const head = [groupings.find(([key]) => key === by)[1].replace('By ', '').replace(/^./, (c) => c.toUpperCase()),
    'Cases', 'Least', 'Median', '95th percentile', 'Most'];
  return h('table', {class: 'plain m-table'}, h('caption', {class: 'unseen'}, `${measure.name} by ${by}`),
    h('thead', {}, h('tr', {}, head.map((name, index) => h('th', {scope: 'col', class: index ? 'num' : null}, name)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, h('th', {scope: 'row'}, row.name), [row.n, measure.text(row.values[0]),
      measure.text(row.median), measure.text(row.p95), measure.text(row.most)].map((value) => h('td', {class: 'num'}, value))))));
}

/** Tab-separated, in plain numbers: for a spreadsheet. */
const distributionText = (rows, measure, by) => [[by, 'n', 'least', 'median', 'p95', 'most'].join('\t'),
  ...rows.map((row) => [row.name, row.n, row.values[0], row.median, row.p95, row.most].join('\t'))].join('\n');

function redrawOnWidth(box, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (box.clientWidth === width || box.clientWidth === 0) return;
    width = box.clientWidth;
    requestAnimationFrame(() => draw(Math.max(300, width)));
  }).observe(box);
}

function drawMeasurements() {
  const list = measuredCases();
  // A duration is known of every case or told of none: of some alone it would mislead.
  const offered = measures.filter((measure) => measure.key === 'duration_ms' ? list.every((one) => one.duration_ms >= 0)
    : list.some((one) => one[measure.key] >= 0 && one.verdict !== 'not-delivered'));
  const section = byId('measurements');
  if (offered.length === 0) return;
  section.hidden = false;
  if (!offered.some((measure) => measure.key === showing.measure)) showing.measure = offered[0].key;
  const box = h('div', {class: 'm-chart'});
  const about = h('p', {class: 'map-note', 'aria-live': 'polite'});
  const table = h('div', {class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Measurements as a table'});
  let width = 0;
  const buttons = (known, now, set) => known.map(([key, name]) => h('button', {class: 'button', type: 'button', 'data-key': key,
    'aria-pressed': String(key === now()), click: () => { set(key); draw(); }}, name));
  const byMeasure = buttons(offered.map((measure) => [measure.key, measure.name]), () => showing.measure, (key) => { showing.measure = key; });
  const byGroup = buttons(groupings, () => showing.by, (key) => { showing.by = key; });
  function draw() {
    const measure = offered.find((known) => known.key === showing.measure);
    const rows = distribution(list, measure.key, showing.by);
    const total = rows.reduce((sum, row) => sum + row.n, 0);
    for (const button of byMeasure) button.setAttribute('aria-pressed', String(button.dataset.key === showing.measure));
    for (const button of byGroup) button.setAttribute('aria-pressed', String(button.dataset.key === showing.by));
    let log = false;
    if (width > 0) {
      const chartOf = stripChart(rows, measure, width);
      log = chartOf.log;
      box.replaceChildren(chartOf.svg);
    }
    about.textContent = `${measure.name}: ${measure.about}. ${total} of ${list.length} cases have it. ` +
      `Dots: cases; box: the middle half; line: median; diamond: 95th percentile.${log ? ' Logarithmic scale; 0 stands at its left end.' : ''}`;
    const copy = h('button', {class: 'button', type: 'button', 'aria-label': 'Copy the table', click: (event) =>
      copyText(distributionText(rows, measure, showing.by), event.currentTarget)}, 'Copy');
    table.replaceChildren(distributionTable(rows, measure, showing.by), copy);
  }
  redrawOnWidth(box, (now) => { width = now; draw(); });
  section.replaceChildren(h('h2', {id: 'measurements-title'}, 'Measurements'),
    h('div', {class: 'chart-tools'}, h('div', {class: 'group', role: 'group', 'aria-label': 'What to show'}, byMeasure),
      h('div', {class: 'group', role: 'group', 'aria-label': 'Grouped'}, byGroup)),
    about, box, h('details', {class: 'm-details'}, h('summary', {}, 'As a table'), table));
  draw();
}
