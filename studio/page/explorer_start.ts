/** Starts the SAU explorer's own script when the page around it has sent what there is to show. */

interface Shown {
  description: object;
  planes: string;
  theme: string;
}

addEventListener('message', ({ source, origin, data }: MessageEvent<Shown>) => {
  if (source !== parent || origin !== location.origin) return;
  document.getElementById('description')!.textContent = JSON.stringify(data.description);
  document.getElementById('planes')!.textContent = data.planes;
  document.documentElement.dataset.theme = data.theme;
  const script = document.createElement('script');
  script.src = 'explorer.js';
  document.body.append(script);
});

parent.postMessage('explorer ready', location.origin);
