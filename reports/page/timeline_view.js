// Draws the timeline of a case: both hosts, the channel between them and the arbiter on one clock.
//
// Zoom: wheel (with Ctrl, or when the chart has the focus), two fingers, buttons, keys. Each event can
// be reached by arrow keys; the line below the chart tells it, and is announced. The table of events
// below is the same in words. Everything is drawn again for each view: a case has some hundred marks.

const shapes = {
  'fault': (x, y, name) => ({
    armed: () => s('circle', {cx: x, cy: y, r: 4.5}),
    injected: () => s('path', {d: `M${x - 6} ${y - 6}L${x + 6} ${y - 6}L${x} ${y + 7}Z`}),
    delivered: () => s('circle', {cx: x, cy: y, r: 5}),
    healed: () => s('path', {d: `M${x - 2} ${y - 6}h4v4h4v4h-4v4h-4v-4h-4v-4h4z`}),
  }[name] || (() => s('circle', {cx: x, cy: y, r: 4})))(),
  'qmp-event': (x, y) => s('path', {d: `M${x - 5} ${y + 4}L${x + 5} ${y + 4}L${x} ${y - 5}Z`}),
  'qmp-command': (x, y) => s('path', {d: `M${x - 5} ${y - 4}L${x + 5} ${y - 4}L${x} ${y + 5}Z`}),
  'qmp-reply': (x, y) => s('circle', {cx: x, cy: y, r: 3}),
  'stream': (x, y) => s('rect', {x: x - 3, y: y - 3, width: 6, height: 6}),
  'relay': (x, y, name) => s('path', {d: /^(cut|sealed|connect-failed|.*-gone|.*-seen)$/.test(name)
    ? `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`
    : name === 'holding' ? `M${x - 2.5} ${y - 6}v12M${x + 2.5} ${y - 6}v12` : `M${x - 4} ${y}h8`}),
  'decision': (x, y) => s('path', {d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`}),
  'process': (x, y) => s('rect', {x: x - 2.5, y: y - 7, width: 5, height: 14}),
  'other': (x, y) => s('circle', {cx: x, cy: y, r: 2.5}),
};
const shapeOf = (kind) => Object.hasOwn(shapes, kind) ? kind : 'other';

function mark(kind, name, x, y) {
  const shape = shapeOf(kind);
  const node = shapes[shape](x, y, name);
  node.setAttribute('class', `tl-mark tl-${shape}${kind === 'fault' && name === 'armed' ? ' open' : ''}`);
  return node;
}

/** One clock, rows from top to bottom. */
function layout(width, faults) {
  const narrow = width < 560;
  const left = narrow ? 60 : 104;
  const fault = {y: 62, h: Math.max(1, faults) * 20};
  const top = fault.y + fault.h + 6;
  const lanes = {source: {y: top, h: 76}, channel: {y: top + 80, h: 52}, destination: {y: top + 136, h: 76},
    arbiter: {y: top + 216, h: 36}};
  return {narrow, left, right: width - 14, width, phase: {y: 0, h: 20}, owner: {y: 26, h: 30}, fault, lanes,
    height: top + 216 + 36 + 24, axis: top + 216 + 36};
}

const textWidth = (text, px = 7.9) => text.length * px;  // of bold text, rather too much than too little

/** A text at the left end of a stretch, where it fits; else its short form; else nothing. */
function textIn(a, b, y, texts, attributes, px) {
  const text = texts.find((known) => known && b - a > textWidth(known, px) + 10);
  return text ? s('text', {x: a + 6, y, ...attributes}, text) : null;
}

function stretch(span, g, x) {
  const a = Math.max(x(span.from), g.left);
  const b = Math.min(Math.max(x(span.to), x(span.from) + 1.5), g.right);
  return b > a && x(span.from) <= g.right ? [a, b] : null;
}

/** Slanted lines over a box: a band differs by more than its colour. */
function hatch(a, b, y, height, name, apart = 7) {
  let d = '';
  for (let start = Math.floor((a - height) / apart) * apart; start < b; start += apart) {
    const from = Math.max(a, start);
    const to = Math.min(b, start + height);
    if (to > from) d += `M${from.toFixed(1)} ${(y + height - from + start).toFixed(1)}L${to.toFixed(1)} ${(y + height - to + start).toFixed(1)}`;
  }
  return s('path', {class: 'tl-hatch ' + name, d});
}

function drawFrame(svg, g) {
  const label = (text, y, name) => s('text', {class: 'tl-label ' + (name || ''), x: 0, y}, text);
  for (const [name, lane] of Object.entries(g.lanes)) {
    svg.append(s('rect', {class: 'tl-lane', x: g.left, y: lane.y, width: g.right - g.left, height: lane.h}),
      label(g.narrow && name === 'destination' ? 'dest.' : name, lane.y + (lane.h > 60 ? 16 : lane.h / 2 + 4), name));
    if (g.narrow || lane.h < 60) continue;
    svg.append(s('text', {class: 'tl-minor', x: 0, y: lane.y + 31}, 'heartbeats'),
      s('text', {class: 'tl-minor', x: 0, y: lane.y + 52}, 'QMP, process'));
  }
  svg.append(s('text', {class: 'tl-minor', x: 0, y: g.phase.y + 14}, 'phase'),
    label(g.narrow ? 'owner' : 'VM owned by', g.owner.y + 20), label('fault', g.fault.y + 14, 'fault'));
}

function drawPhases(svg, one, g, x) {
  one.phases.map(spanObject).forEach((span, index) => {
    const ends = stretch(span, g, x);
    if (!ends) return;
    const [a, b] = ends;
    svg.append(s('rect', {x: a, y: g.phase.y, width: b - a, height: g.phase.h, class: index % 2 ? 'tl-phase-b' : 'tl-phase-a', 'data-tip': `${span.name}: ${fixed(span.from)} to ${fixed(span.to)}, ${fixed(span.to - span.from)} long`}),
    s('line', {class: 'tl-edge', x1: a, x2: a, y1: g.phase.y, y2: g.axis}));
    const text = textIn(a, b, g.phase.y + 14, [span.name], {class: 'tl-phase-text'}, 6.2) ||
      textIn(a, b, g.phase.y + 14, [span.name.slice(0, 4) + '…'], {class: 'tl-phase-text'}, 6.2);
    if (text) svg.append(text);
  });
}

function drawOwners(svg, owners, g, x) {
  for (const span of owners) {
    const ends = stretch(span, g, x);
    if (!ends) continue;
    const [a, b] = ends;
    const known = ['source', 'destination', 'both'].includes(span.name) ? span.name : 'none';
    if (known === 'both') {
      svg.append(s('rect', {class: 'tl-both-band', x: a, width: b - a, y: g.owner.y, height: g.axis - g.owner.y}));
    }
    svg.append(s('rect', {class: 'tl-owner tl-owner-' + known, x: a, y: g.owner.y, width: b - a, height: g.owner.h, 'data-tip': `${span.text}: ${fixed(span.from)} to ${fixed(span.to)}, ${span.long} long`}));
    if (known === 'none' || known === 'both') svg.append(hatch(a, b, g.owner.y, g.owner.h, 'tl-hatch-' + known));
    const text = textIn(a, b, g.owner.y + 20, [span.gap ? `${span.text} (blackout)` : span.text, span.text, span.short],
      {class: 'tl-owner-text on-' + known});
    if (text) svg.append(text);
  }
}

function drawStates(svg, host, states, g, x) {
  const lane = g.lanes[host];
  for (const state of states) {
    const ends = stretch(state, g, x);
    if (!ends) continue;
    const [a, b] = ends;
    const y = lane.y + 4;
    const px = 6.2;
    if (state.mood === 'ended') {
      svg.append(s('line', {class: 'tl-ended', x1: a, x2: b, y1: y + 8, y2: y + 8}));
      continue;
    }
    svg.append(s('rect', {class: `tl-state tl-${state.mood} ${host}`, x: a, y, width: b - a, height: 16, 'data-tip': `${host} ${state.name}: ${fixed(state.from)} to ${fixed(state.to)}`}));
    if (state.mood === 'stands') svg.append(hatch(a, b, y, 16, 'tl-hatch-still'));
    const text = textIn(a, b, y + 12, [state.name], {class: `tl-state-text on-${state.mood} ${host}`}, px);
    if (text) svg.append(text);
  }
}

function drawBeats(svg, one, g, x) {
  for (const host of ['source', 'destination']) {
    const y = g.lanes[host].y + 23;
    const d = one['beats_' + host].filter((at) => x(at) >= g.left && x(at) <= g.right)
      .map((at) => `M${x(at).toFixed(1)} ${y}v10`).join('');
    if (d) svg.append(s('path', {class: 'tl-beat ' + host, d}));
  }
}

function drawFaults(svg, faults, g, x, end) {
  faults.forEach((fault, row) => {
    const y = g.fault.y + row * 20;
    const struck = fault.injected ?? fault.delivered;
    if (struck === undefined) return;
    const until = fault.healed ?? (fault.heals ? end : undefined);
    const a = Math.max(x(struck), g.left);
    if (until !== undefined) {
      const ends = stretch({from: struck, to: until}, g, x);
      if (ends) {
        svg.append(s('rect', {class: 'tl-struck', x: ends[0], width: ends[1] - ends[0], y: y + 2, height: 16, 'data-tip': `${fault.kind} on ${fault.side}: ${fixed(until - struck)}${fault.healed ? ' until healed' : ''}`}), hatch(ends[0], ends[1], y + 2, 16, 'tl-hatch-fault'));
      }
    }
    if (x(struck) >= g.left && x(struck) <= g.right) {
      svg.append(s('line', {class: 'tl-strike', x1: x(struck), x2: x(struck), y1: y + 4, y2: g.axis}));
    }
    const name = `${fault.kind} on ${fault.side}`;
    const long = fault.healed === undefined ? `${name}, not healed` : `${name}, ${fixed(fault.healed - struck)} until healed`;
    const inside = until === undefined ? null : stretch({from: struck, to: until}, g, x);
    const within = inside && textIn(inside[0] + 10, inside[1] - 8, y + 14, [long, name, fault.kind], {class: 'tl-fault-text'});
    if (within) return void svg.append(within);
    const shown = Object.values(fault.marks).map((event) => x(event.at)).filter((at) => at <= g.right);
    const right = Math.max(a, ...shown) + 10;
    const after = textIn(right - 6, g.right + 6, y + 14, [long, name, fault.kind], {class: 'tl-fault-text'});
    if (after) return void svg.append(after);
    const before = [long, name, fault.kind].find((text) => a - 14 - textWidth(text) > g.left);
    if (before) svg.append(s('text', {class: 'tl-fault-text', x: a - 12, y: y + 14, 'text-anchor': 'end'}, before));
    return undefined;
  });
}

function drawAxis(svg, g, x) {
  const axis = d3.axisBottom(x).ticks(Math.max(3, (g.right - g.left) / 110)).tickSizeOuter(0)
    .tickFormat((at) => `${Number(at.toFixed(3))} ms`);
  const group = s('g', {class: 'tl-axis', transform: `translate(0,${g.axis})`});
  svg.append(group);
  d3.select(group).call(axis).selectAll('text').filter((at) => x(at) > g.right - 20).attr('text-anchor', 'end');
  for (const at of x.ticks(Math.max(3, (g.right - g.left) / 110))) {
    svg.prepend(s('line', {class: 'tl-grid', x1: x(at), x2: x(at), y1: g.phase.h, y2: g.axis}));
  }
}

/** Where a mark stands in its lane. */
function markY(event, g, faults) {
  if (event.kind === 'fault') {
    const row = faults.findIndex((fault) => Object.values(fault.marks).includes(event));
    return g.fault.y + Math.max(0, row) * 20 + 10;
  }
  const lane = g.lanes[laneOf(event)];
  if (lane.h > 60) return lane.y + 47;
  if (laneOf(event) === 'channel') return lane.y + (event.kind === 'stream' ? 12 : 28);
  return lane.y + 11;
}
const textY = (event, g) => {
  const lane = g.lanes[laneOf(event)];
  return lane ? lane.y + lane.h - 6 : 0;
};

/** Texts below the marks, the weightiest first, where there is room. */
function drawTexts(svg, events, g, x) {
  const taken = {};
  const sorted = events.filter((event) => g.lanes[laneOf(event)] && weightOf(event) > 0)
    .sort((a, b) => weightOf(b) - weightOf(a) || a.at - b.at);
  for (const event of sorted) {
    const text = shortText(event);
    const wide = textWidth(text, 5.9);
    const at = x(event.at);
    if (at < g.left || at > g.right || text.length > 40) continue;
    const from = Math.min(Math.max(at - 4, g.left + 2), g.right - wide - 2);
    const lane = laneOf(event);
    taken[lane] = taken[lane] || [];
    if (from < g.left || taken[lane].some(([a, b]) => from < b + 7 && from + wide > a - 7)) continue;
    taken[lane].push([from, from + wide]);
    svg.append(s('text', {class: `tl-event-text is-${shapeOf(event.kind)}`, x: from, y: textY(event, g)}, text));
  }
}

function drawSecond(svg, one, events, g, x, end) {
  const at = retryAt(events);
  const ends = at < end ? stretch({from: at, to: end}, g, x) : null;
  if (!ends) return;
  svg.append(s('rect', {class: 'tl-second', x: ends[0], width: ends[1] - ends[0], y: g.phase.y, height: g.phase.h}),
    s('line', {class: 'tl-edge', x1: ends[0], x2: ends[0], y1: g.phase.y, y2: g.axis}));
  const text = textIn(ends[0], ends[1], g.phase.y + 14, ['second migration', 'second', '2nd'], {class: 'tl-phase-text'});
  if (text) svg.append(text);
}

/** The chart of one case: {nodes, light(index)}; onPick(index) is called when an event is opened. */
function chart(one, events, onPick) {
  const end = endOf(one, events);
  const owners = ownersOf(one, events);
  const faults = faultsOf(one, events);
  const states = {source: statesOf('source', one, events),
    destination: [...statesOf('destination', one, events), ...statesOf('destination-2', one, events)]};
  const steps = events.filter(drawn).sort((a, b) => a.at - b.at || a.index - b.index);
  const views = windowsOf(one, events);
  let view = {...(views.find((known) => known.name === 'Migration') || views[0])};
  let lit = -1;
  let g = layout(900, faults.length);
  let zooming = false;  // set while this code moves the view itself

  const content = s('g', {});
  const cursor = s('line', {class: 'tl-cursor', visibility: 'hidden'});
  const svg = s('svg', {'aria-hidden': 'true'}, content, cursor);
  const keysId = 'timeline-keys';
  const box = h('div', {class: 'tl-chart', tabindex: 0, role: 'application', 'aria-roledescription': 'timeline',
    'aria-label': 'Timeline of both hosts, the channel between them and the arbiter. The table of events below says the same in words.',
    'aria-describedby': keysId}, svg);
  const told = h('p', {class: 'tl-told', 'aria-live': 'polite'}, 'No event chosen.');
  const open = h('button', {class: 'button', type: 'button', hidden: true, click: () => onPick(lit)}, 'Show in the table');

  const scaleOf = () => d3.scaleLinear().domain([view.from, view.to]).range([g.left, g.right]);
  function draw() {
    const x = scaleOf();
    svg.setAttribute('viewBox', `0 0 ${g.width} ${g.height}`);
    const frame = s('g', {});
    drawFrame(frame, g);
    drawPhases(frame, one, g, x);
    drawSecond(frame, one, events, g, x, end);
    drawOwners(frame, owners, g, x);
    drawStates(frame, 'source', states.source, g, x);
    drawStates(frame, 'destination', states.destination, g, x);
    drawBeats(frame, one, g, x);
    drawFaults(frame, faults, g, x, end);
    drawAxis(frame, g, x);
    drawTexts(frame, steps, g, x);
    for (const event of steps) {
      const at = x(event.at);
      if (at < g.left - 1 || at > g.right + 1) continue;
      const node = mark(event.kind, event.name, at, markY(event, g, faults));
      if (event.index === lit) {
        node.classList.add('lit');
        frame.append(s('line', {class: 'tl-lit', x1: at, x2: at, y1: g.phase.h, y2: g.axis}));
      }
      frame.append(node);
    }
    content.replaceChildren(...frame.childNodes);
  }

  // ---- moving the view ---------------------------------------------------------------------------

  const zoom = d3.zoom().scaleExtent([1, Math.max(1, end / 0.2)])
    .filter(() => {
      const event = d3.event;
      if (event.type === 'wheel') return event.ctrlKey || event.metaKey || box.contains(document.activeElement);
      if (event.type.startsWith('touch')) return event.touches.length > 1;
      return !event.button;
    })
    .on('zoom', () => {
      if (zooming) return;
      const scale = d3.event.transform.rescaleX(d3.scaleLinear().domain([0, end]).range([g.left, g.right]));
      const [from, to] = scale.domain();
      view = {from, to};
      drawTools();
      requestAnimationFrame(draw);
    });
  const picture = d3.select(svg).call(zoom).on('dblclick.zoom', null);
  svg.style.touchAction = 'pan-y';
  function set(next) {
    const long = Math.min(Math.max(next.to - next.from, 0.2), end);
    const from = Math.min(Math.max(next.from, 0), end - long);
    view = {name: next.name, from, to: from + long};
    zooming = true;
    const wide = g.right - g.left;
    const k = end / long;
    picture.call(zoom.transform, d3.zoomIdentity.translate(g.left - k * (g.left + from / end * wide), 0).scale(k));
    zooming = false;
    drawTools();
    draw();
  }
  const middle = () => lit >= 0 && events[lit] && events[lit].at >= view.from && events[lit].at <= view.to
    ? events[lit].at : (view.from + view.to) / 2;
  function zoomed(factor) {
    const at = middle();
    set({from: at - (at - view.from) * factor, to: at + (view.to - at) * factor});
  }
  const moved = (share) => set({from: view.from + (view.to - view.from) * share, to: view.to + (view.to - view.from) * share});

  const tools = h('div', {class: 'chart-tools', role: 'group', 'aria-label': 'Part of the case to show'});
  const viewButtons = views.map((known) => h('button', {class: 'button', type: 'button', click: () => set(known)}, known.name));
  const small = [['−', 'Zoom out', () => zoomed(2)], ['+', 'Zoom in', () => zoomed(0.5)],
    ['◂', 'Earlier', () => moved(-0.4)], ['▸', 'Later', () => moved(0.4)]];
  tools.append(h('div', {class: 'group'}, viewButtons), h('div', {class: 'group'}, small.map(([text, label, act]) =>
    h('button', {class: 'button', type: 'button', 'aria-label': label, title: label, click: act}, text))));
  function drawTools() {
    viewButtons.forEach((button, index) => button.setAttribute('aria-pressed', String(view.name === views[index].name)));
  }

  // ---- events ------------------------------------------------------------------------------------

  function light(index) {
    lit = index;
    open.hidden = index < 0;
    const event = events[index];
    if (event) {
      told.replaceChildren(h('b', {}, `${event.at.toFixed(3)} ms`), ` ${event.actor} · ${event.kind}: `,
        h('b', {}, event.name), fieldText(event.fields) ? ` · ${fieldText(event.fields)}` : '');
    }
    draw();
  }
  function stepTo(position) {
    const event = steps[Math.min(Math.max(position, 0), steps.length - 1)];
    if (!event) return;
    const margin = (view.to - view.from) * 0.02;
    if (event.at < view.from + margin || event.at > view.to - margin) {
      const half = (view.to - view.from) / 2;
      set({from: event.at - half, to: event.at + half});
    }
    light(event.index);
  }
  function step(by) {
    const at = steps.findIndex((event) => event.index === lit);
    if (at >= 0) return stepTo(at + by);
    const first = steps.findIndex((event) => event.at >= view.from);
    return stepTo(first < 0 ? steps.length - 1 : first);
  }
  function stepInLane(by) {
    const now = events[lit];
    if (!now) return step(1);
    const same = steps.filter((event) => laneOf(event) === laneOf(now));
    const next = same[same.indexOf(now) + by];
    return next ? stepTo(steps.indexOf(next)) : undefined;
  }
  const keys = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => stepInLane(1), ArrowUp: () => stepInLane(-1),
    Home: () => stepTo(0), End: () => stepTo(steps.length - 1), PageDown: () => moved(0.4), PageUp: () => moved(-0.4),
    '+': () => zoomed(0.5), '=': () => zoomed(0.5), '-': () => zoomed(2), '0': () => set(views[0]),
    Enter: () => { if (lit >= 0) onPick(lit); },
  };
  box.addEventListener('keydown', (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!act) return;
    event.preventDefault();
    hideTip();
    act();
  });

  /** The event nearest to the pointer, within a finger's reach. */
  function nearest(pointer) {
    const frame = svg.getBoundingClientRect();
    const px = (pointer.clientX - frame.left) * g.width / frame.width;
    const py = (pointer.clientY - frame.top) * g.height / frame.height;
    const x = scaleOf();
    let best = null;
    let far = 144;
    for (const event of steps) {
      const away = (x(event.at) - px) ** 2 + (markY(event, g, faults) - py) ** 2;
      if (away <= far) [best, far] = [event, away];
    }
    return {best, px, inside: px >= g.left && px <= g.right};
  }
  svg.addEventListener('pointermove', (pointer) => {
    if (pointer.buttons) return hideTip();
    const {best, px, inside} = nearest(pointer);
    cursor.setAttribute('visibility', inside ? 'visible' : 'hidden');
    for (const [name, value] of Object.entries({x1: px, x2: px, y1: g.phase.y, y2: g.axis})) cursor.setAttribute(name, value);
    const over = pointer.target.dataset.tip;
    if (best) showTip(eventText(best), pointer.clientX, pointer.clientY);
    else if (over) showTip(over, pointer.clientX, pointer.clientY);
    else if (inside) showTip(fixed(scaleOf().invert(px)), pointer.clientX, pointer.clientY);
    else hideTip();
    return undefined;
  });
  svg.addEventListener('pointerleave', () => { hideTip(); cursor.setAttribute('visibility', 'hidden'); });
  svg.addEventListener('click', (pointer) => {
    const {best} = nearest(pointer);
    if (best) light(best.index);
  });

  new ResizeObserver(() => {
    const width = Math.max(300, box.clientWidth);
    if (width === g.width) return;
    requestAnimationFrame(() => {  // not inside the observer: drawing changes the height it observes
      g = layout(width, faults.length);
      zoom.extent([[g.left, 0], [g.right, g.height]]).translateExtent([[g.left, 0], [g.right, g.height]]);
      set(view);
    });
  }).observe(box);
  drawTools();
  const hint = h('p', {class: 'minor tl-hint', id: keysId}, 'Arrow keys step through the events, up and down within a lane; ' +
    'Enter opens the event in the table; + and − zoom, 0 shows all. The wheel zooms with Ctrl, or once the chart is clicked. ' +
    'Owned by: as QEMU told it (STOP, RESUME, end of the process); heartbeats: the guest\'s own steps, thinned.');
  return {nodes: [tools, box, h('div', {class: 'tl-line'}, told, open), chartKeys(), hint], light};
}

function chartKeys() {
  const item = (kind, name, text) => h('li', {}, s('svg', {viewBox: '0 0 16 16', 'aria-hidden': 'true'}, mark(kind, name, 8, 8)), text);
  return h('ul', {class: 'keys', 'aria-label': 'Symbols'},
    item('fault', 'armed', 'fault armed'), item('fault', 'injected', 'injected'), item('fault', 'delivered', 'delivered'),
    item('fault', 'healed', 'healed'), item('qmp-event', '', 'QMP event'), item('qmp-command', '', 'QMP command'),
    item('qmp-reply', '', 'QMP reply'), item('stream', '', 'stream item'), item('relay', 'holding', 'relay holds'), item('relay', 'cut', 'channel ends'), item('relay', '', 'relay'),
    item('decision', '', 'decision'), item('process', '', 'process'), item('other', '', 'other'));
}
