// Draws the run, and what the URL's hash asks for: #case=ID is a case, anything else the run.

const title = document.title;
let runScroll = 0;
let opener = null;

function showCase(one) {
  if (byId('case').hidden) {
    runScroll = window.scrollY;
    opener = document.activeElement;
  }
  byId('run').hidden = true;
  byId('case').hidden = false;
  document.title = `${one.verdict}: ${one.id}`;
  drawCase(one);
  window.scrollTo(0, 0);
  byId('case').querySelector('h1').focus({preventScroll: true});
}

function showRun() {
  const wasCase = !byId('case').hidden;
  byId('run').hidden = false;
  byId('case').hidden = true;
  document.title = title;
  if (!wasCase) return;
  byId('case').replaceChildren();
  window.scrollTo(0, runScroll);
  if (opener && opener.isConnected) opener.focus({preventScroll: true});
}

/** Everything that the filter narrows. */
function drawFiltered() {
  rowsShown = 15;
  updateBar();
  updateSwitches();
  drawHeat();
  const findings = drawFindings();
  if (filter.phase || filter.fault || filter.point) byId('points').open = true;
  drawMap();
  const found = updateList();
  const bar = byId('matches');
  if (bar) bar.textContent = `${findings} of ${rowsOfFindings.length} findings, ${found} of ${cases.length} cases`;
}

function show() {
  hideTip();
  performance.mark('show');
  const parsed = parsedHash();
  const one = parsed.case ? cases.find((known) => known.id === parsed.case) : null;
  if (one) {
    showCase(one);
  } else {
    const next = filterOf(parsed);
    if (!drawnOnce || hashOf(next) !== hashOf(filter)) {
      filter = next;
      drawFiltered();
      drawnOnce = true;
    }
    showRun();
  }
  if (parsed.case && !one) say('This report has no case ' + parsed.case);
  performance.measure('drawn', 'show');
}

let drawnOnce = false;
drawSwitches();
prepareHeat();
drawBar();
drawList();
addCopyButtons(byId('run'));
byId('points').addEventListener('toggle', drawMap);
document.addEventListener('click', (event) => {
  // A cell leads to what it stands for; a mere link of the browser would stay where it is.
  const link = event.target.closest('a[href^="#"]');
  if (!link || !link.hash.includes('=') || link.hash.startsWith('#case=')) return;
  const to = link.dataset.to || (link.classList.contains('spot') ? 'map' : 'list');
  setTimeout(() => byId(to).scrollIntoView({block: 'start'}), 60);
});
window.addEventListener('hashchange', show);
window.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  hideTip();
  if (!byId('case').hidden) location.hash = hashOf(filter);
});
window.addEventListener('scroll', hideTip, {passive: true});
show();
document.documentElement.dataset.drawn = 'yes';
performance.measure('load-to-drawn', {start: 0});
// Further down than anybody looks in the first second.
setTimeout(() => {
  drawMeasurements();
  drawTrends();
  document.documentElement.dataset.drawn = 'all';
}, 0);
