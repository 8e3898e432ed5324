// This night and those before it: verdicts, findings that came and went, the median blackout.
//
// From data.nights: an array, oldest first, this run last, of {id, started, seed, source_qemu,
// destination_qemu, duration_s, cases, verdicts: {word: count}, findings: [{signature, count}],
// blackout_ms: {median, p95} or null}. Verdicts differ by symbol and hatching as well as by colour.

const nightName = (night) => (night.started || `run ${night.id}`).replace('T', ' ').replace(/:\d\dZ$/, '');
const dayOf = (night) => (/^\d{4}-(\d\d-\d\d)/.exec(night.started || '') || [null, `#${night.id}`])[1];

/** Stacked bars: what did not pass, because thousands of passes would hide it; passes as a number. */
function verdictBars(nights, width) {
  const left = 44;
  const height = 190;
  const shown = words.filter((word) => word !== 'pass' && nights.some((night) => night.verdicts[word] > 0));
  const sum = (night) => shown.reduce((all, word) => all + (night.verdicts[word] || 0), 0);
  const most = Math.max(1, ...nights.map(sum));
  const x = d3.scaleBand().domain(nights.map((_, index) => index)).range([left, width - 10]).padding(0.25);
  const y = d3.scaleLinear().domain([0, most]).nice().range([height - 24, 6]);
  const svg = s('svg', {viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'});
  const axis = s('g', {class: 'tl-axis', transform: `translate(${left},0)`});
  d3.select(axis).call(d3.axisLeft(y).ticks(Math.min(5, most)).tickFormat(d3.format('d')).tickSizeOuter(0));
  svg.append(axis);
  const every = Math.ceil(nights.length * 46 / (width - left));
  nights.forEach((night, index) => {
    let from = 0;
    const group = s('g', {class: 'm-row'}, s('rect', {class: 'm-back', x: x(index), y: 6, width: x.bandwidth(), height: height - 30}));
    for (const word of [...shown].reverse()) {
      const count = night.verdicts[word] || 0;
      if (count === 0) continue;
      const top = y(from + count);
      const high = y(from) - top;
      group.append(s('rect', {class: 'night-part f-' + word, x: x(index), width: x.bandwidth(), y: top, height: high}));
      if (word === 'fail' || word === 'infra') group.append(hatch(x(index), x(index) + x.bandwidth(), top, high, 'tl-hatch-both', word === 'fail' ? 6 : 10));
      if (high > 16 && x.bandwidth() > 18) {
        group.append(s('rect', {class: 'night-sign v-box', x: x(index) + x.bandwidth() / 2 - 8, y: top + high / 2 - 8, width: 16, height: 16, rx: 3}),
          s('use', {class: 'night-icon', href: '#v-' + word, x: x(index) + x.bandwidth() / 2 - 6, y: top + high / 2 - 6, width: 12, height: 12}));
      }
      from += count;
    }
    if ((nights.length - 1 - index) % every === 0) {
      group.append(s('text', {class: 'tl-minor', x: x(index) + x.bandwidth() / 2, y: height - 6, 'text-anchor': 'middle'}, dayOf(night)));
    }
    tipOf(group, `${nightName(night)}\n${words.filter((word) => night.verdicts[word] > 0)
      .map((word) => `${word} ${night.verdicts[word]}`).join('\n')}`);
    svg.append(group);
  });
  return svg;
}

function blackoutLine(nights, width) {
  const left = 58;
  const height = 130;
  const all = nights.map((night, index) => ({night, index, ...(night.blackout_ms || {})}));
  const known = all.filter((one) => one.median >= 0);
  if (known.length < 2) return null;
  const x = d3.scalePoint().domain(nights.map((_, index) => index)).range([left, width - 10]).padding(0.5);
  const y = d3.scaleLinear().domain([0, Math.max(...known.map((one) => Math.max(one.median, one.p95 || 0)), 1)]).nice().range([height - 24, 8]);
  const line = (key) => d3.line().defined((one) => one[key] >= 0).x((one) => x(one.index)).y((one) => y(one[key]))(all);
  const svg = s('svg', {viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'});
  const axis = s('g', {class: 'tl-axis', transform: `translate(${left},0)`});
  d3.select(axis).call(d3.axisLeft(y).ticks(4).tickFormat((value) => `${value} ms`).tickSizeOuter(0));
  svg.append(axis, s('path', {class: 'night-median', d: line('median')}), s('path', {class: 'night-p95', d: line('p95')}));
  const every = Math.ceil(nights.length * 46 / (width - left));
  for (const one of known) {
    const dot = s('circle', {class: 'night-dot', cx: x(one.index), cy: y(one.median), r: 4});
    tipOf(dot, `${nightName(one.night)}\nmedian ${milliseconds(one.median)}${one.p95 >= 0 ? `\n95th percentile ${milliseconds(one.p95)}` : ''}`);
    svg.append(dot);
  }
  nights.forEach((night, index) => {
    if ((nights.length - 1 - index) % every === 0) {
      svg.append(s('text', {class: 'tl-minor', x: x(index), y: height - 6, 'text-anchor': 'middle'}, dayOf(night)));
    }
  });
  return svg;
}

const countOf = (night, signature) => (night.findings.find((finding) => finding.signature === signature) || {count: 0}).count;

/** One row per signature, one mark per night: what is new, what is still there, what is gone. */
function findingRows(nights) {
  const last = nights[nights.length - 1];
  const signatures = [...new Set(nights.flatMap((night) => night.findings.map((finding) => finding.signature)))];
  return signatures.map((signature) => {
    const counts = nights.map((night) => countOf(night, signature));
    const first = counts.findIndex((count) => count > 0);
    const recent = counts.length - 1 - [...counts].reverse().findIndex((count) => count > 0);
    const now = countOf(last, signature) > 0;
    const state = now && first === nights.length - 1 ? 'new' : now && counts[nights.length - 2] === 0 ? 'back'
      : now ? 'still there' : 'gone';
    return {signature, counts, first, recent, state};
  }).sort((a, b) => ['new', 'back', 'still there', 'gone'].indexOf(a.state) - ['new', 'back', 'still there', 'gone'].indexOf(b.state) ||
    b.recent - a.recent || a.signature.localeCompare(b.signature));
}

function findingTable(nights) {
  const rows = findingRows(nights);
  if (rows.length === 0) return h('p', {class: 'quiet'}, 'No finding in any of these nights.');
  const shown = Math.min(nights.length, 14);  // the last ones have a mark each
  const cells = (row) => h('span', {class: 'night-cells', 'aria-hidden': 'true'}, row.counts.slice(-shown).map((count) =>
    h('span', {class: count > 0 ? 'there' : 'not'}, count > 0 ? (count > 99 ? '99+' : count) : '·')));
  return h('table', {class: 'plain brief cards night-findings'}, h('thead', {}, h('tr', {}, ['State', 'Finding', `Last ${shown} nights`, 'First seen', 'Last seen']
    .map((name) => h('th', {scope: 'col'}, name)))), h('tbody', {}, rows.slice(0, 60).map((row) => h('tr', {class: 'state-' + row.state.split(' ')[0]},
    h('td', {'data-label': 'State'}, h('b', {}, row.state)), h('th', {scope: 'row', class: 'long', 'data-label': 'Finding'}, h('code', {}, row.signature)),
    h('td', {'data-label': 'Nights'}, cells(row), h('span', {class: 'unseen'}, `${row.counts.filter((count) => count > 0).length} of ${nights.length} nights`)),
    h('td', {'data-label': 'First'}, nightName(nights[row.first])), h('td', {'data-label': 'Last'}, nightName(nights[row.recent]))))));
}

function nightTable(nights) {
  const shown = words.filter((word) => nights.some((night) => night.verdicts[word] > 0));
  const head = ['Night', 'Seed', 'QEMU', 'Cases', ...shown, 'Median blackout'];
  return h('table', {class: 'plain m-table'}, h('caption', {class: 'unseen'}, 'Verdicts of each night'),
    h('thead', {}, h('tr', {}, head.map((name, index) => h('th', {scope: 'col', class: index > 2 ? 'num' : null}, name)))),
    h('tbody', {}, [...nights].reverse().map((night) => h('tr', {}, h('th', {scope: 'row'}, nightName(night)), h('td', {}, String(night.seed)),
      h('td', {}, [night.source_qemu, night.destination_qemu].filter(Boolean).join(' → ')), h('td', {class: 'num'}, night.cases),
      shown.map((word) => h('td', {class: 'num'}, night.verdicts[word] || 0)),
      h('td', {class: 'num'}, night.blackout_ms ? milliseconds(night.blackout_ms.median) : '')))));
}

function drawTrends() {
  const nights = (data.nights || []).map((night) => ({verdicts: {}, findings: [], ...night}));
  const section = byId('trends');
  section.hidden = false;
  section.replaceChildren(h('h2', {id: 'trends-title'}, 'Trends over nights'));
  if (nights.length < 2) {
    section.append(h('p', {class: 'quiet'}, nights.length === 1 ? 'This is the first night in this folder: a trend needs two.'
      : 'No earlier nights are known in this folder.'));
    return;
  }
  const last = nights[nights.length - 1];
  const bars = h('div', {class: 'm-chart'});
  const line = h('div', {class: 'm-chart'});
  const quiet = nights.every((night) => words.every((word) => word === 'pass' || !night.verdicts[word]));
  const keys = h('ul', {class: 'keys'}, words.filter((word) => word !== 'pass' && nights.some((night) => night.verdicts[word] > 0))
    .map((word) => h('li', {}, badge(word))));
  section.append(h('p', {class: 'map-note'}, `${nights.length} nights, ${nightName(nights[0])} to ${nightName(last)}. ` +
    'Bars: cases that did not pass.'), h('div', {class: 'trend-columns'},
    h('div', {}, h('h3', {}, 'Verdicts'), quiet ? h('p', {class: 'quiet'}, 'Every case of every night passed.') : [bars, keys]),
    h('div', {}, h('h3', {}, 'Blackout: median (solid), 95th percentile (dashed)'), line)),
  h('h3', {}, 'Findings over nights'), findingTable(nights),
  h('details', {class: 'm-details'}, h('summary', {}, 'Nights as a table'),
    h('div', {class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Nights as a table'}, nightTable(nights))));
  if (!quiet) redrawOnWidth(bars, (width) => bars.replaceChildren(verdictBars(nights, width)));
  redrawOnWidth(line, (width) => line.replaceChildren(blackoutLine(nights, width) ||
    h('p', {class: 'quiet'}, 'Fewer than two nights have a measured blackout.')));
}
