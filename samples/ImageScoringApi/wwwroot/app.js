'use strict';

const byId = id => document.getElementById(id);
const results = byId('results'), drop = byId('drop'), files = byId('files'), camera = byId('camera'), status = byId('status');
const attempts = 5, atOnce = 4;
let limit = Infinity, explains = false, running = 0;
const waiting = [], pictures = [];

/** The address of a picture, until the results are cleared. */
function addressOf(blob) {
  const url = URL.createObjectURL(blob);
  pictures.push(url);
  return url;
}

function percent(probability) {
  return (probability * 100).toFixed(1) + ' %';
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function say(text) {
  status.textContent = text;
}

async function showModel() {
  try {
    const health = await (await fetch('health')).json();
    limit = health.maxFileBytes;
    explains = health.explains;
    byId('model').textContent = `${health.model}: ${health.classes.length} classes.`;
    byId('classes').replaceChildren(...health.classes.map(name => Object.assign(document.createElement('li'), { textContent: name })));
  } catch {
    byId('model').textContent = 'The server does not answer. Reload the page when it is running.';
  }
}

/** A bar behind a class's name, as an attribute of SVG: the page's policy allows no style attributes. */
function bar(probability) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 1 1');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const rectangle = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  rectangle.setAttribute('width', probability);
  rectangle.setAttribute('height', 1);
  svg.append(rectangle);
  return svg;
}

function addResult(file) {
  const item = byId('result').content.firstElementChild.cloneNode(true);
  const image = item.querySelector('img');
  image.src = addressOf(file);
  image.addEventListener('error', () => image.hidden = true);
  item.querySelector('h3').textContent = 'Waiting…';
  item.querySelector('.name').textContent = file.name;
  results.prepend(item);
  byId('empty').hidden = true;
  byId('clear').hidden = false;
  return item;
}

function showPrediction(item, file, prediction) {
  const first = prediction.classes[0];
  item.querySelector('h3').textContent = prediction.predictedLabel;
  item.querySelector('img').alt = `${file.name}: ${prediction.predictedLabel}`;
  item.querySelector('dl').replaceChildren(...prediction.classes.flatMap(({ name, probability }) => {
    const term = document.createElement('dt'), detail = document.createElement('dd');
    term.append(bar(probability), name);
    term.title = name;
    detail.textContent = percent(probability);
    return [term, detail];
  }));
  offerExplanation(item, file, prediction.predictedLabel);
  say(`${file.name}: ${prediction.predictedLabel}, ${percent(first.probability)}`);
}

/** A button that shows the picture of what speaks for the class in place of the picture itself, and that one again. */
function offerExplanation(item, file, label) {
  const button = item.querySelector('.explain'), image = item.querySelector('img');
  const own = { src: image.src, alt: image.alt };
  let explained = null;
  button.hidden = !explains;
  button.setAttribute('aria-label', `What speaks for it: ${label} in ${file.name}`);
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      explained ??= await explain(file, label);
      const shows = button.getAttribute('aria-pressed') === 'true';
      Object.assign(image, shows ? own : explained);
      button.setAttribute('aria-pressed', String(!shows));
      say(image.alt);
    } catch (error) {
      say(error.message);
    }

    button.disabled = false;
  });
}

async function explain(file, label) {
  const form = new FormData();
  form.append('file', file, file.name);
  const response = await fetch('explain', { method: 'POST', body: form }).catch(() => null);
  if (!response?.ok) {
    const problem = await response?.json().catch(() => null);
    throw new Error(problem?.detail ?? 'The server does not answer.');
  }

  return { src: addressOf(await response.blob()), alt: `${file.name}: from red to yellow, what speaks for ${label}` };
}

function showFailure(item, file, message) {
  item.classList.add('failed');
  item.querySelector('h3').textContent = 'Not classified';
  item.querySelector('img').alt = file.name;
  item.querySelector('.name').textContent = message;
  say(message);
}

async function classify(file, item) {
  item.querySelector('h3').textContent = 'Classifying…';
  if (file.size > limit) {
    showFailure(item, file, `${file.name} has ${size(file.size)}, more than the server's limit of ${size(limit)}.`);
    return;
  }

  const form = new FormData();
  form.append('file', file, file.name);
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch('predict?top=3', { method: 'POST', body: form });
      if (response.ok) {
        showPrediction(item, file, (await response.json()).images[0]);
        return;
      }

      if (response.status !== 503 || attempt === attempts) {
        const problem = await response.json().catch(() => null);
        showFailure(item, file, problem?.detail ?? problem?.title ?? `The server answers with ${response.status}.`);
        return;
      }

      await new Promise(resolve => setTimeout(resolve, 1000 * (Number(response.headers.get('Retry-After')) || 1)));
    } catch {
      showFailure(item, file, 'The server does not answer.');
      return;
    }
  }
}

async function next() {
  while (running < atOnce && waiting.length > 0) {
    running++;
    const { file, item } = waiting.shift();
    classify(file, item).finally(() => {
      running--;
      next();
    });
  }
}

function take(list) {
  for (const file of [...list].filter(file => file.type.startsWith('image/') || file.type === '')) {
    waiting.push({ file, item: addResult(file) });
  }

  const refused = [...list].filter(file => file.type !== '' && !file.type.startsWith('image/'));
  for (const file of refused) {
    showFailure(addResult(file), file, `${file.name} is no picture.`);
  }

  next();
}

byId('choose').addEventListener('click', () => files.click());
byId('photograph').addEventListener('click', () => camera.click());
for (const input of [files, camera]) {
  input.addEventListener('change', () => {
    take(input.files);
    input.value = '';
  });
}

byId('clear').addEventListener('click', () => {
  waiting.length = 0;
  for (const url of pictures.splice(0)) {
    URL.revokeObjectURL(url);
  }

  results.replaceChildren();
  byId('empty').hidden = false;
  byId('clear').hidden = true;
  byId('choose').focus();
});

// The whole page takes pictures, so that one that misses the field does not replace the page.
for (const event of ['dragenter', 'dragover']) {
  document.addEventListener(event, e => {
    e.preventDefault();
    drop.classList.add('over');
  });
}

document.addEventListener('dragleave', e => {
  if (e.relatedTarget === null) {
    drop.classList.remove('over');
  }
});

document.addEventListener('drop', e => {
  e.preventDefault();
  drop.classList.remove('over');
  take(e.dataTransfer.files);
});

document.addEventListener('paste', e => take(e.clipboardData.files));

showModel();
