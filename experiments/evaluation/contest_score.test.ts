import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contestScore, PUBLISHED_ROWS, resultsRow, resultsTable } from './contest_score';

describe('contest score', () => {
  it("reproduces both rows of the original's table to its four digits", () => {
    for (const row of PUBLISHED_ROWS) assert.ok(Math.abs(contestScore(row) - row.score) < 5e-5, `${row.scaling}: ${contestScore(row)}`);
  });

  it('caps FID at 100 and is 0 without mask accuracy', () => {
    assert.equal(contestScore({ maskAccuracy: 1, aesthetic: 10, fid: 0 }), 1);
    assert.equal(contestScore({ maskAccuracy: 0.8, aesthetic: 5, fid: 250 }), contestScore({ maskAccuracy: 0.8, aesthetic: 5, fid: 100 }));
    assert.equal(contestScore({ maskAccuracy: 0, aesthetic: 5, fid: 20 }), 0);
  });

  it('refuses parts that cannot be', () => {
    assert.throws(() => contestScore({ maskAccuracy: 90.28, aesthetic: 5, fid: 20 }), /mask accuracy is 90.28/);
    assert.throws(() => contestScore({ maskAccuracy: 0.9, aesthetic: NaN, fid: 20 }), /aesthetic is NaN/);
  });

  it('leaves out of the table what was not measured', () => {
    const row = resultsRow({ scaling: 'BICUBIC', maskAccuracy: 0.5, fid: 80 });
    assert.equal(row.score, undefined);
    assert.match(resultsTable([row]), /\| BICUBIC \| 0\.5000 \| - \| 80\.0000 \| - \|/);
  });
});
