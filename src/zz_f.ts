import * as tf from './tf';
import { LGGAN } from './models/lggan';
import { labelMap } from './testing/toy';
for (const [ngf, seed] of [[16,628],[16,1],[32,628]]) {
  const g = new LGGAN({ ngf, seed, imageSize: [64, 96] });
  const o = g.generate(labelMap(64,96,(y,x)=>y<30?1:x<40?0:6));
  const d = o.global.dataSync(); let m=0, n=0, sat=0; for (const v of d){ if(!Number.isFinite(v)) n++; else {m=Math.max(m,Math.abs(v)); if(Math.abs(v)>.999) sat++;} }
  console.log(ngf, seed, 'non-finite', n, 'max', m, 'saturated', sat/d.length);
  // magnitude before tanh unknown; sigma of fresh u,v
  g.dispose();
}
