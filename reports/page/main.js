// Draws the run, and what the URL's hash asks for: #case=ID is a case, anything else the run.

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
drawMeasurements();
drawTrends();
addCopyButtons(byId('run'));
window.addEventListener('hashchange', show);
window.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  hideTip();
  if (!byId('case').hidden) location.hash = '';
});
window.addEventListener('scroll', hideTip, {passive: true});
show();
