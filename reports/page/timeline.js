// The timeline of one case: both hosts, the channel between them and the arbiter on one clock.

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
