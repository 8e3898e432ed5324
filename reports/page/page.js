// Draws the heat map, the list of cases and the timeline of a case from the inline JSON.
//
// Rules: text reaches the page through text nodes and attributes only, never as HTML, because the data
// holds what QEMU and guests printed. Nothing is fetched. The URL's hash is the only state: #case=ID shows
// a case, anything else the run. No fault, checker or protocol is known by name.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const svgSpace = document.querySelector('svg').namespaceURI;
  const byId = (id) => document.getElementById(id);
  const words = data.verdicts.map((verdict) => verdict.word);  // worst first
  const badness = new Map(words.map((word, index) => [word, index]));
  const sentence = new Map(data.verdicts.map((verdict) => [verdict.word, verdict.sentence]));
  const sideOrder = ['source', 'channel', 'destination'];
  const cases = data.cases;

  // ---- building blocks ---------------------------------------------------------------------------

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === 'function') node.addEventListener(name, value);
      else node.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined) continue;
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(svgSpace, tag), attributes, children);
  const icon = (word) => s('svg', {class: 'icon', 'aria-hidden': 'true'}, s('use', {href: '#v-' + word}));
  const badge = (word) => h('span', {class: 'badge v-' + word, title: sentence.get(word)}, icon(word), word);
  const caseLink = (id) => '#case=' + encodeURIComponent(id);
  const say = (text) => { byId('said').textContent = text; };

  function milliseconds(value) {
    if (value < 0) return 'not measured';
    if (value >= 10000) return (value / 1000).toFixed(1) + ' s';
    return (value >= 100 ? value.toFixed(0) : value.toFixed(1)) + ' ms';
  }

  async function copyText(text, button) {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {  // no clipboard for this origin: select, and use the older way
      const box = h('textarea', {class: 'unseen'});
      box.value = text;
      document.body.append(box);
      box.select();
      done = document.execCommand('copy');
      box.remove();
      button.focus();
    }
    button.textContent = done ? 'Copied' : 'Press Ctrl+C';
    say(done ? 'Copied' : 'Copying is not allowed here');
    setTimeout(() => { button.textContent = 'Copy'; }, 1600);
  }
  function addCopyButtons(root) {
    for (const span of root.querySelectorAll('.command')) {
      const text = span.querySelector('code').textContent;
      if (!text || span.querySelector('button')) continue;
      span.append(h('button', {class: 'button', type: 'button', 'aria-label': 'Copy: ' + text,
        click: (event) => copyText(text, event.currentTarget)}, 'Copy'));
    }
  }
  const command = (text) => h('span', {class: 'command'}, h('code', {}, text));

  const tip = byId('tip');
  function showTip(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(6, x + 14), window.innerWidth - box.width - 6);
    const below = y + 18;
    tip.style.left = Math.max(6, left) + 'px';
    tip.style.top = (below + box.height > window.innerHeight ? y - box.height - 10 : below) + 'px';
  }
  const hideTip = () => { tip.hidden = true; };
  function tipOf(node, text) {
    node.addEventListener('pointerenter', (event) => showTip(text, event.clientX, event.clientY));
    node.addEventListener('pointerleave', hideTip);
    node.addEventListener('focus', () => {
      if (!node.matches(':focus-visible')) return;
      const box = node.getBoundingClientRect();
      showTip(text, box.left, box.bottom - 8);
    });
    node.addEventListener('blur', hideTip);
  }

  // ---- heat map ----------------------------------------------------------------------------------

  const inMap = (one) => one.faults.length === 1;

  function columnsOf(list) {
    const kinds = new Map();
    for (const one of list) {
      const fault = one.faults[0];
      if (!kinds.has(fault.kind)) kinds.set(fault.kind, new Set());
      kinds.get(fault.kind).add(fault.side);
    }
    const columns = [];
    for (const [kind, sides] of kinds) {
      const ordered = sideOrder.filter((side) => sides.has(side));
      ordered.forEach((side, index) => columns.push({kind, side, span: index === 0 ? ordered.length : 0}));
    }
    return columns;
  }

  function cellsOf(list) {
    const cells = new Map();
    for (const one of list) {
      const key = JSON.stringify([one.point, one.faults[0].kind, one.faults[0].side]);
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(one);
    }
    return cells;
  }

  const worstOf = (list) => list.reduce((worst, one) =>
    badness.get(one.verdict) < badness.get(worst) ? one.verdict : worst, 'pass');
  const cellName = (point, column) => `${column.kind} on ${column.side} at ${point}`;

  function cellButton(point, column, list) {
    const worst = worstOf(list);
    const count = list.length === 1 ? '1 case' : list.length + ' cases';
    const button = h('button', {type: 'button', class: `v-${worst}${list.length > 1 ? ' many' : ''}`, tabindex: -1,
      'aria-label': `${cellName(point, column)}: ${worst}, ${count}`,
      click: () => {
        hideTip();
        if (list.length === 1) location.hash = caseLink(list[0].id);
        else showList({point, kind: column.kind, side: column.side});
      }}, icon(worst), list.length > 1 ? list.length : null);
    tipOf(button, `${cellName(point, column)}\n${worst}, ${count}\n${list.find((one) => one.verdict === worst).headline}`);
    return button;
  }

  function mapHead(columns) {
    const kinds = h('tr', {}, h('td'));
    const sides = h('tr', {}, h('td'));
    for (const column of columns) {
      if (column.span > 0) {
        kinds.append(h('td', {class: 'gap'}),
          h('th', {scope: 'colgroup', colspan: column.span, class: 'kind'}, h('span', {}, column.kind)));
        sides.append(h('td', {class: 'gap'}));
      }
      sides.append(h('th', {scope: 'col', class: 'side'},
        h('span', {'aria-hidden': 'true', title: column.side}, column.side[0].toUpperCase()),
        h('span', {class: 'unseen'}, column.side)));
    }
    return h('thead', {}, kinds, sides);
  }

  function drawMap() {
    const list = cases.filter(inMap);
    const box = byId('map-scroller');
    if (list.length === 0) {
      byId('map-note').textContent = 'No single-fault case was run, so there is nothing to show here.';
      return;
    }
    byId('map-note').textContent = 'Rows in the order in which a migration passes them; S source, C channel, ' +
      'D destination. A cell shows its worst verdict and opens its case; arrow keys move between cells.';
    const columns = columnsOf(list);
    const cells = cellsOf(list);
    const gaps = columns.filter((column) => column.span > 0).length;
    const body = h('tbody');
    let phase = '';
    for (const point of data.points) {
      const row = columns.map((column) => cells.get(JSON.stringify([point, column.kind, column.side])));
      if (row.every((found) => !found)) continue;
      const slash = point.indexOf('/');
      if (point.slice(0, slash) !== phase) {
        phase = point.slice(0, slash);
        const about = data.phases.find((known) => known.name === phase);
        body.append(h('tr', {class: 'phase'}, h('th', {scope: 'rowgroup', colspan: columns.length + gaps + 1},
          h('span', {}, phase, about ? h('small', {}, about.sentence) : null))));
      }
      const line = h('tr', {}, h('th', {scope: 'row', class: 'point'}, h('div', {}, point.slice(slash + 1))));
      columns.forEach((column, index) => {
        if (column.span > 0) line.append(h('td', {class: 'gap'}));
        line.append(h('td', {}, row[index] ? cellButton(point, column, row[index])
          : h('span', {class: 'none', title: 'not part of this run'}, '·')));
      });
      body.append(line);
    }
    box.replaceChildren(h('table', {class: 'heat', 'aria-labelledby': 'map-title'}, mapHead(columns), body));
    moveByArrows(box);
  }

  // One tab stop for the whole map; arrows move inside it.
  function moveByArrows(box) {
    const rows = [...box.querySelectorAll('tbody tr:not(.phase)')].map((row) =>
      [...row.querySelectorAll('td:not(.gap)')].map((cell) => cell.querySelector('button')));
    const first = box.querySelector('button');
    if (first) first.tabIndex = 0;
    const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
    box.addEventListener('keydown', (event) => {
      const step = steps[event.key];
      if (!step) return;
      let y = rows.findIndex((row) => row.includes(document.activeElement));
      if (y < 0) return;
      let x = rows[y].indexOf(document.activeElement);
      event.preventDefault();
      do {
        y += step[0];
        x += step[1];
      } while (rows[y] && x >= 0 && x < rows[y].length && !rows[y][x]);
      const target = rows[y] && rows[y][x];
      if (!target) return;
      document.activeElement.tabIndex = -1;
      target.tabIndex = 0;
      target.focus();
    });
  }

  // ---- list of cases -----------------------------------------------------------------------------

  const filter = {verdict: '', text: '', point: '', kind: '', side: ''};
  let rowsShown = 15;

  const faultText = (one) => one.faults.length === 0 ? 'no fault'
    : one.faults.map((fault) => `${fault.kind} on ${fault.side}`).join(', ');

  function filtered() {
    const text = filter.text.toLowerCase();
    return cases.filter((one) => {
      if (filter.verdict && one.verdict !== filter.verdict) return false;
      if (filter.kind && !(inMap(one) && one.point === filter.point && one.faults[0].kind === filter.kind &&
          one.faults[0].side === filter.side)) return false;
      return !text || [one.id, one.headline, one.signature, one.point, faultText(one), one.protocol]
        .some((part) => part.toLowerCase().includes(text));
    }).sort((a, b) => badness.get(a.verdict) - badness.get(b.verdict));
  }

  function drawRows() {
    const found = filtered();
    const body = found.slice(0, rowsShown).map((one) => h('tr', {},
      h('td', {'data-label': 'Verdict'}, badge(one.verdict)),
      h('td', {'data-label': 'Point'}, h('code', {}, one.point || 'none')),
      h('td', {'data-label': 'Fault'}, faultText(one)),
      h('td', {'data-label': 'What', class: 'long'}, h('a', {href: caseLink(one.id)}, one.headline || one.id)),
      h('td', {'data-label': 'Blackout', class: 'num'}, one.blackout_ms < 0 ? '' : milliseconds(one.blackout_ms))));
    const head = ['Verdict', 'Point', 'Fault', 'What happened'].map((name) => h('th', {scope: 'col'}, name));
    byId('rows').replaceChildren(
      h('table', {class: 'plain brief cards'}, h('thead', {}, h('tr', {}, head, h('th', {scope: 'col', class: 'num'}, 'Blackout'))),
        h('tbody', {}, body)));
    byId('total').textContent = `${found.length} of ${cases.length} cases`;
    byId('more').hidden = found.length <= rowsShown;
    byId('clear').hidden = !filter.kind;
    byId('clear').textContent = filter.kind ? `Only ${cellName(filter.point, filter)} ✕` : '';
  }

  function drawList() {
    if (cases.length === 0) return;
    const again = (change) => { change(); rowsShown = 15; drawRows(); };
    byId('list').hidden = false;
    byId('list-body').replaceChildren(
      h('div', {class: 'filters'},
        h('select', {class: 'button', 'aria-label': 'Verdict',
          change: (event) => again(() => { filter.verdict = event.target.value; })},
        h('option', {value: ''}, 'All verdicts'),
        words.filter((word) => cases.some((one) => one.verdict === word)).map((word) => h('option', {value: word}, word))),
        h('input', {class: 'button', type: 'search', placeholder: 'Search point, fault, text',
          'aria-label': 'Search the cases', input: (event) => again(() => { filter.text = event.target.value; })}),
        h('button', {id: 'clear', class: 'button', type: 'button',
          click: () => again(() => { filter.point = filter.kind = filter.side = ''; })}),
        h('span', {id: 'total', class: 'total', 'aria-live': 'polite'})),
      h('div', {id: 'rows'}),
      h('button', {id: 'more', class: 'button more', type: 'button',
        click: () => { rowsShown += 200; drawRows(); }}, 'Show more'));
    drawRows();
  }

  function showList(cell) {
    Object.assign(filter, cell, {verdict: '', text: ''});
    drawList();
    byId('list').scrollIntoView({block: 'start'});
    const first = byId('list').querySelector('tbody a');
    if (first) first.focus({preventScroll: true});
  }

  // ---- timeline ----------------------------------------------------------------------------------

  const shapes = {
    'fault': (x, y, name) => ({
      armed: () => s('circle', {cx: x, cy: y, r: 4.5}),
      injected: () => s('path', {d: `M${x - 6} ${y - 6}L${x + 6} ${y - 6}L${x} ${y + 7}Z`}),
      delivered: () => s('circle', {cx: x, cy: y, r: 5.5}),
      healed: () => s('path', {d: `M${x - 2} ${y - 6}h4v4h4v4h-4v4h-4v-4h-4v-4h4z`}),
    }[name] || (() => s('circle', {cx: x, cy: y, r: 4})))(),
    'qmp-event': (x, y) => s('path', {d: `M${x - 5} ${y + 4}L${x + 5} ${y + 4}L${x} ${y - 5}Z`}),
    'qmp-command': (x, y) => s('path', {d: `M${x - 5} ${y - 4}L${x + 5} ${y - 4}L${x} ${y + 5}Z`}),
    'qmp-reply': (x, y) => s('circle', {cx: x, cy: y, r: 3}),
    'stream': (x, y) => s('rect', {x: x - 3, y: y - 3, width: 6, height: 6}),
    'decision': (x, y) => s('path', {d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`}),
    'process': (x, y) => s('rect', {x: x - 2.5, y: y - 6, width: 5, height: 12}),
    'other': (x, y) => s('circle', {cx: x, cy: y, r: 2.5}),
  };
  const shapeOf = (kind) => Object.hasOwn(shapes, kind) ? kind : 'other';

  function mark(kind, name, x, y) {
    const shape = shapeOf(kind);
    const node = shapes[shape](x, y, name);
    node.setAttribute('class', `mark mark-${shape}${kind === 'fault' && name === 'armed' ? ' open' : ''}`);
    return node;
  }

  const eventObject = ([at, actor, kind, name, fields], index) => ({at, actor, kind, name, fields, index});
  const fieldText = (fields) => Object.entries(fields).map(([key, value]) => `${key}=${value}`).join('  ');
  const drawn = (event) => event.kind !== 'heartbeat' && event.kind !== 'phase' && event.kind !== 'owner';

  /** The stretches of time that the buttons above the chart offer. */
  function windowsOf(one, events) {
    const ends = [one.duration_ms, 1, ...events.map((event) => event.at), ...one.owners.map((span) => span[2]),
      ...one.phases.map((span) => span[2])];
    const end = Math.max(...ends);
    const out = [{name: 'Whole case', from: 0, to: end}];
    const faults = events.filter((event) => event.kind === 'fault' && event.name !== 'armed');
    const early = one.phases.length > 1 ? one.phases[1][1] : 0;
    const late = events.filter((event) => event.kind === 'decision' || event.kind === 'fault').map((event) => event.at);
    const until = Math.max(early + 10, ...one.phases.slice(1, 5).map((span) => Math.min(span[2], span[1] + 2000)), ...late);
    if (early > 0) {
      const margin = (until - early) * 0.06;
      out.push({name: 'Migration', from: Math.max(0, early - margin), to: Math.min(end, until + margin)});
    }
    if (faults.length > 0) {
      const at = faults[0].at;
      out.push({name: 'Around the fault', from: Math.max(0, at - 60), to: Math.min(end, at + 240)});
    }
    return out;
  }

  function niceStep(span, count) {
    const rough = span / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  }

  /** Geometry: one clock, lanes from the guest's hosts to the arbiter. */
  function layout(width) {
    const narrow = width < 560;
    const left = narrow ? 62 : 96;
    const lanes = {source: {y: 84, h: 74}, channel: {y: 162, h: 40}, destination: {y: 206, h: 74}, arbiter: {y: 284, h: 30}};
    return {narrow, left, right: width - 8, width, lanes, height: 338, phaseY: 4, phaseH: 22, faultY: 60};
  }

  function drawPhases(svg, one, g, x) {
    let free = g.left;
    one.phases.forEach(([name, from, to], index) => {
      const a = Math.max(x(from), g.left);
      const b = Math.min(x(to), g.right);
      if (b <= a) return;
      const box = s('rect', {x: a, y: g.phaseY, width: b - a, height: g.phaseH, class: index % 2 ? 'phase-b' : 'phase-a'},
        s('title', {}, `${name}: ${milliseconds(from)} to ${milliseconds(to)}, ${milliseconds(to - from)} long`));
      svg.append(box, s('line', {class: 'phase-edge', x1: a, x2: a, y1: g.phaseY, y2: g.height - 22}));
      const wide = name.length * 6.6;
      if (b - a > wide + 8) {
        svg.append(s('text', {class: 'phase-text', x: a + 5, y: g.phaseY + 15}, name));
      } else if (b - a > 1) {  // too narrow for its name: the name goes below, where there is room
        const start = Math.min(Math.max(free, a), g.right - wide);
        if (start < free || start > b + 60) return;
        svg.append(s('text', {class: 'axis-text', x: start, y: g.phaseY + g.phaseH + 12}, name));
        free = start + wide + 6;
      }
    });
  }

  function drawLanes(svg, g) {
    for (const [name, lane] of Object.entries(g.lanes)) {
      svg.append(s('rect', {class: 'lane', x: g.left, y: lane.y, width: g.right - g.left, height: lane.h}),
        s('text', {class: 'lane-label ' + name, x: 0, y: lane.y + (lane.h > 60 ? 17 : lane.h / 2 + 4)},
          g.narrow && name === 'destination' ? 'dest.' : name));
      if (lane.h > 60 && !g.narrow) {
        svg.append(s('text', {class: 'axis-text', x: 0, y: lane.y + 34}, 'heartbeats'),
          s('text', {class: 'axis-text', x: 0, y: lane.y + 60}, 'QMP, process'));
      }
    }
    svg.append(s('text', {class: 'axis-text', x: 0, y: g.phaseY + 15}, 'phase'),
      s('text', {class: 'axis-text', x: 0, y: g.faultY + 4}, 'fault'));
  }

  function drawOwners(svg, one, g, x) {
    for (const [name, from, to] of one.owners) {
      const a = Math.max(x(from), g.left);
      const b = Math.min(Math.max(x(to), x(from) + 1), g.right);
      if (b <= a || name === 'none') continue;
      const hosts = name === 'both' ? ['source', 'destination'] : [name];
      if (name === 'both') {
        svg.append(s('rect', {class: 'both-band', x: a, width: b - a, y: g.lanes.source.y,
          height: g.lanes.destination.y + g.lanes.destination.h - g.lanes.source.y}));
      }
      for (const host of hosts) {
        const lane = g.lanes[host];
        if (!lane) continue;
        svg.append(s('rect', {class: 'owner-' + name, x: a, y: lane.y + 5, width: b - a, height: 15, rx: 2},
          s('title', {}, `guest executed by ${name}: ${milliseconds(from)} to ${milliseconds(to)}`)));
        const texts = name === 'both' ? ['BOTH RUN', 'BOTH'] : ['guest runs here', 'runs'];
        const text = texts.find((known) => b - a > known.length * 6.6 + 8) || '';
        if (text) svg.append(s('text', {class: 'owner-text', x: a + 6, y: lane.y + 16.5}, text));
      }
    }
  }

  function drawBeats(svg, one, g, x) {
    for (const host of ['source', 'destination']) {
      const y = g.lanes[host].y + 25;
      const d = one['beats_' + host].filter((at) => x(at) >= g.left && x(at) <= g.right)
        .map((at) => `M${x(at).toFixed(1)} ${y}v10`).join('');
      if (d) svg.append(s('path', {class: 'beat-' + host, d}));
    }
  }

  function drawAxis(svg, g, x, view) {
    const step = niceStep(view.to - view.from, Math.max(4, (g.right - g.left) / 110));
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      const last = x(at) > g.right - 30;
      svg.append(s('line', {class: 'axis', x1: x(at), x2: x(at), y1: g.phaseY + g.phaseH, y2: g.height - 20}),
        s('text', {class: 'axis-text', x: x(at), y: g.height - 6, 'text-anchor': last ? 'end' : 'middle'},
          `${Number(at.toFixed(3))} ms`));
    }
  }

  function drawFaultLines(svg, events, g, x) {
    let free = g.left;
    for (const event of events.filter((one) => one.kind === 'fault')) {
      const at = x(event.at);
      if (at < g.left || at > g.right) continue;
      if (event.name !== 'armed') {
        svg.append(s('line', {class: 'fault-line', x1: at, x2: at, y1: g.faultY, y2: g.height - 22}));
      }
      const text = `${event.fields.kind || ''} ${event.name}`.trim();
      const wide = text.length * 6.7;
      const start = at + 16 + wide > g.right ? at - 10 - wide : at + 16;
      if (start >= free && start >= g.left && event.name !== 'delivered') {
        svg.append(s('text', {class: 'fault-text', x: start, y: g.faultY + 4}, text));
        free = start + wide + 14;
      }
    }
  }

  function markY(event, g) {
    if (event.kind === 'fault') return g.faultY;
    const lane = g.lanes[event.actor] || g.lanes.arbiter;
    return lane.h > 60 ? lane.y + 56 : lane.y + lane.h / 2;
  }

  const eventText = (event) => `${event.at.toFixed(3)} ms  ${event.actor}\n${event.kind}: ${event.name}` +
    Object.entries(event.fields).map(([key, value]) => `\n${key}: ${value}`).join('');

  function chart(one, events, onPick) {
    const box = h('div', {class: 'chart'});
    const views = windowsOf(one, events);
    const whole = views[0];
    let view = {...(views.find((known) => known.name === 'Migration') || whole)};

    function draw() {
      const g = layout(Math.max(300, box.clientWidth || 900));
      const x = (at) => g.left + (at - view.from) / (view.to - view.from) * (g.right - g.left);
      const svg = s('svg', {viewBox: `0 0 ${g.width} ${g.height}`, role: 'img',
        'aria-label': 'Timeline of both hosts, the channel between them and the arbiter; the table of events below says the same in words.'});
      drawLanes(svg, g);
      drawPhases(svg, one, g, x);
      drawAxis(svg, g, x, view);
      drawOwners(svg, one, g, x);
      drawBeats(svg, one, g, x);
      drawFaultLines(svg, events, g, x);
      const cursor = s('line', {class: 'cursor', y1: g.phaseY, y2: g.height - 20, visibility: 'hidden'});
      svg.append(cursor);
      for (const event of events) {
        const at = x(event.at);
        if (!drawn(event) || at < g.left - 1 || at > g.right + 1) continue;
        const node = mark(event.kind, event.name, at, markY(event, g));
        node.dataset.index = event.index;
        svg.append(node);
      }
      svg.addEventListener('pointermove', (pointer) => hover(pointer, svg, g, cursor));
      svg.addEventListener('pointerleave', () => { hideTip(); cursor.setAttribute('visibility', 'hidden'); });
      svg.addEventListener('click', (pointer) => {
        if (pointer.target.dataset.index) onPick(Number(pointer.target.dataset.index));
      });
      box.replaceChildren(svg);
    }

    function hover(pointer, svg, g, cursor) {
      const at = (pointer.clientX - svg.getBoundingClientRect().left) * g.width / svg.clientWidth;
      const inside = at >= g.left && at <= g.right;
      cursor.setAttribute('visibility', inside ? 'visible' : 'hidden');
      cursor.setAttribute('x1', at);
      cursor.setAttribute('x2', at);
      const index = pointer.target.dataset && pointer.target.dataset.index;
      if (index) showTip(eventText(events.find((event) => event.index === Number(index))), pointer.clientX, pointer.clientY);
      else if (inside) showTip(milliseconds(view.from + (at - g.left) / (g.right - g.left) * (view.to - view.from)), pointer.clientX, pointer.clientY);
      else hideTip();
    }

    const tools = h('div', {class: 'chart-tools', role: 'group', 'aria-label': 'Part of the case to show'});
    function set(next) {
      const long = Math.min(Math.max(next.to - next.from, 0.5), whole.to);
      const from = Math.min(Math.max(next.from, 0), whole.to - long);
      view = {name: next.name, from, to: from + long};
      drawTools();
      draw();
    }
    function zoomed(factor) {
      const middle = (view.from + view.to) / 2;
      const half = (view.to - view.from) / 2 * factor;
      set({from: middle - half, to: middle + half});
    }
    const moved = (share) => set({from: view.from + (view.to - view.from) * share, to: view.to + (view.to - view.from) * share});
    function drawTools() {
      const pressed = document.activeElement && tools.contains(document.activeElement) ? document.activeElement.textContent : '';
      const small = [['−', 'Zoom out', () => zoomed(2)], ['+', 'Zoom in', () => zoomed(0.5)],
        ['◂', 'Earlier', () => moved(-0.4)], ['▸', 'Later', () => moved(0.4)]];
      tools.replaceChildren(
        h('div', {class: 'group'}, views.map((known) => h('button', {class: 'button', type: 'button',
          'aria-pressed': String(view.name === known.name), click: () => set(known)}, known.name))),
        h('div', {class: 'group'}, small.map(([text, label, act]) =>
          h('button', {class: 'button', type: 'button', 'aria-label': label, title: label, click: act}, text))));
      const again = [...tools.querySelectorAll('button')].find((button) => button.textContent === pressed);
      if (again) again.focus();
    }
    drawTools();
    let width = 0;
    new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      requestAnimationFrame(draw);  // not inside the observer: drawing changes the height it observes
    }).observe(box);
    const light = (index) => {
      for (const node of box.querySelectorAll('.mark')) node.classList.toggle('lit', Number(node.dataset.index) === index);
    };
    return {nodes: [tools, box, chartKeys()], light};
  }

  function chartKeys() {
    const item = (kind, name, text) => h('li', {}, s('svg', {viewBox: '0 0 16 16', 'aria-hidden': 'true'}, mark(kind, name, 8, 8)), text);
    return h('ul', {class: 'keys', 'aria-label': 'Symbols'},
      item('fault', 'armed', 'fault armed'), item('fault', 'injected', 'injected'), item('fault', 'delivered', 'delivered'),
      item('fault', 'healed', 'healed'), item('qmp-event', '', 'QMP event'), item('qmp-command', '', 'QMP command'),
      item('stream', '', 'stream'), item('decision', '', 'decision'), item('process', '', 'process'), item('other', '', 'note'));
  }

  // ---- case --------------------------------------------------------------------------------------

  function caseFacts(one) {
    const facts = [
      ...one.faults.map((fault) => ['Fault', `${fault.kind} on ${fault.side} at ${fault.point}` +
        (fault.heal_after_ms > 0 ? `, healed after ${fault.heal_after_ms} ms` : '')]),
      ['Delivered', one.faults.length === 0 ? 'no fault to deliver' : (one.delivered ? 'yes: ' : 'no ') + one.proof],
      ['Survivor', one.survivor], ['Blackout', milliseconds(one.blackout_ms)],
      ['Brownout', milliseconds(one.brownout_ms)], ['Duration', milliseconds(one.duration_ms)],
      ['Protocol', one.protocol], ['Seed', one.seed], ['Signature', one.signature], ['Evidence', one.evidence]];
    return h('dl', {class: 'facts'}, facts.filter(([, value]) => value).map(([name, value]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  }

  function caseFindings(one) {
    const rows = [...one.findings].sort((a, b) => badness.get(a.verdict) - badness.get(b.verdict)).map((finding) => h('tr', {},
      h('td', {'data-label': 'Verdict'}, badge(finding.verdict)),
      h('td', {'data-label': 'Checker'}, finding.checker),
      h('td', {'data-label': 'What', class: 'long'}, finding.what, finding.reason ? h('div', {class: 'reason'}, 'Rule: ' + finding.reason) : null)));
    return h('section', {}, h('h2', {}, 'What the checkers say'), rows.length === 0
      ? h('p', {class: 'quiet'}, 'No checker has said anything about this case.')
      : h('table', {class: 'plain brief cards'}, h('thead', {}, h('tr', {}, ['Verdict', 'Checker', 'Finding and rule'].map((name) =>
        h('th', {scope: 'col'}, name)))), h('tbody', {}, rows)));
  }

  function eventTable(one, events) {
    const rows = events.map((event) => h('tr', {id: 'event-' + event.index, tabindex: -1, class: 'is-' + shapeOf(event.kind)},
      h('td', {'data-label': 'ms'}, event.at.toFixed(3)), h('td', {'data-label': 'Actor'}, event.actor),
      h('td', {'data-label': 'Kind'}, event.kind), h('td', {'data-label': 'Event'}, event.name),
      h('td', {'data-label': 'Details', class: 'details long'}, fieldText(event.fields))));
    const left = one.events_left_out > 0
      ? `${one.events_left_out} more events are in ${one.evidence ? one.evidence + '/history.jsonl' : 'the run, but were not kept here'}.` : '';
    return h('section', {}, h('h2', {}, 'Events'), h('table', {class: 'plain events brief cards'},
      h('thead', {}, h('tr', {}, ['ms', 'Actor', 'Kind', 'Event', 'Details'].map((name) => h('th', {scope: 'col'}, name)))),
      h('tbody', {}, rows)), left ? h('p', {class: 'minor'}, left) : null);
  }

  function caseBar(one) {
    const at = cases.indexOf(one);
    const to = (index, text) => cases[index] ? h('a', {class: 'button', href: caseLink(cases[index].id)}, text) : null;
    return h('nav', {class: 'bar', 'aria-label': 'Cases'}, h('a', {class: 'button', href: '#'}, '← The run'),
      h('div', {}, to(at - 1, '‹ Previous'), to(at + 1, 'Next ›')));
  }

  function drawCase(one) {
    const events = one.events.map(eventObject);
    const pick = (index) => {
      for (const row of page.querySelectorAll('tr.lit')) row.classList.remove('lit');
      const row = byId('event-' + index);
      time.light(index);
      if (!row) return;
      row.classList.add('lit');
      row.scrollIntoView({block: 'center'});
      row.focus({preventScroll: true});
    };
    const time = chart(one, events, pick);
    const page = byId('case');
    const table = eventTable(one, events);
    table.addEventListener('pointerover', (pointer) => {
      const row = pointer.target.closest('tr[id]');
      if (row) time.light(Number(row.id.slice('event-'.length)));
    });
    page.replaceChildren(caseBar(one),
      h('section', {class: 'case-head'}, h('div', {class: 'tag'}, badge(one.verdict), h('span', {class: 'mono'}, one.id)),
        h('h1', {tabindex: -1}, one.headline || sentence.get(one.verdict)), caseFacts(one),
        h('p', {class: 'repeat'}, h('span', {}, 'Replay it'), command(one.replay))),
      caseFindings(one),
      h('section', {}, h('h2', {}, 'Timeline'), time.nodes), table,
      h('section', {}, h('details', {}, h('summary', {}, 'Plan'), h('pre', {}, one.plan))));
    addCopyButtons(page);
  }

  // ---- the hash decides --------------------------------------------------------------------------

  const title = document.title;
  let runScroll = 0;
  let opener = null;
  function show() {
    hideTip();
    let id = '';
    try {
      id = location.hash.startsWith('#case=') ? decodeURIComponent(location.hash.slice('#case='.length)) : '';
    } catch {
      id = '';  // not a hash of ours
    }
    const one = id ? cases.find((known) => known.id === id) : null;
    const wasRun = byId('case').hidden;
    if (one && wasRun) {
      runScroll = window.scrollY;
      opener = document.activeElement;
    }
    byId('run').hidden = Boolean(one);
    byId('case').hidden = !one;
    document.title = one ? `${one.verdict}: ${one.id}` : title;
    if (one) {
      drawCase(one);
      window.scrollTo(0, 0);
      byId('case').querySelector('h1').focus({preventScroll: true});
    } else if (!wasRun) {
      byId('case').replaceChildren();
      window.scrollTo(0, runScroll);
      if (opener && opener.isConnected) opener.focus({preventScroll: true});
    }
    if (id && !one) say('This report has no case ' + id);
  }

  drawMap();
  drawList();
  addCopyButtons(byId('run'));
  window.addEventListener('hashchange', show);
  window.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    hideTip();
    if (!byId('case').hidden) location.hash = '';
  });
  window.addEventListener('scroll', hideTip, {passive: true});
  show();
})();
