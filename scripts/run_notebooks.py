"""Executes notebooks through their kernel and shows on the terminal what is going on.

    run_notebooks.py OUTPUT_FOLDER NOTEBOOK...        executed copies go to OUTPUT_FOLDER
    run_notebooks.py --inplace NOTEBOOK...            or replace the notebooks

Text that cells print is passed on as it comes; so is text shown through a display that is rewritten in place
(on a terminal as one line that changes, else every ten seconds). A failing cell ends the run with exit status 1.
"""
import os
import re
import shutil
import signal
import sys
import threading
import time

signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # No stack of the imports below, which take a second.

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

LIVE = sys.stdout.isatty()
ESCAPES = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')


def clock(seconds):
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


class Screen:
    """Lines that stay, and below them one line that changes."""

    def __init__(self):
        self.status, self.last = '', 0.0

    def line(self, text):
        print(f'\r\x1b[2K{text}' if LIVE else text, flush=True)
        self.draw()

    def draw(self):
        if LIVE and self.status:
            width = shutil.get_terminal_size().columns - 1
            print(f'\r\x1b[2K{self.status[:width]}', end='', flush=True)

    def set(self, status):
        self.status = status
        self.draw()

    def note(self, text):
        """A line of progress: redrawn on a terminal, else printed now and then."""
        if not LIVE and time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            print(f'      {text}', flush=True)


class Runner(NotebookClient):
    """NotebookClient that tells what it is doing."""

    def __init__(self, notebook, screen, **options):
        super().__init__(notebook, on_cell_start=self.begin, on_cell_executed=self.end, **options)
        self.screen, self.label, self.latest, self.partial, self.errors = screen, '', '', '', ''
        code = [cell for cell in notebook.cells if cell.cell_type == 'code' and cell.source.strip()]
        self.numbers = {id(cell): f'{i}/{len(code)}' for i, cell in enumerate(code, 1)}

    def kill_kernel(self):
        process = getattr(getattr(self.km, 'provisioner', None), 'process', None)
        if process:
            process.kill()
            process.wait()

    def heading(self, index):
        """The nearest heading above a cell."""
        for cell in reversed(self.nb.cells[: index + 1]):
            found = re.findall(r'^#+\s+(.*)', cell.source, re.M) if cell.cell_type == 'markdown' else []
            if found:
                return found[-1]
        return ''

    def begin(self, cell, cell_index):
        if id(cell) in self.numbers:
            self.began, self.latest, self.errors = time.monotonic(), '', ''
            self.label = f'{self.numbers[id(cell)]:>6} {self.heading(cell_index)}'

    def progress(self):
        """Redraws the line that changes."""
        if self.label:
            self.screen.set(' · '.join(filter(None, [self.label, clock(time.monotonic() - self.began), self.latest])))

    def end(self, cell, cell_index, execute_reply):
        if id(cell) in self.numbers and execute_reply['content']['status'] == 'ok':
            self.show(self.errors.splitlines())
            self.screen.set('')
            self.screen.line(f'{self.label} · {clock(time.monotonic() - self.began)}')
            self.label = ''

    def show(self, lines):
        for line in filter(None, map(str.rstrip, lines)):
            self.screen.line(f'      {line}')

    def process_message(self, msg, cell, cell_index):
        kind, content = msg['msg_type'], msg['content']
        if kind == 'stream':
            if content['name'] == 'stderr':
                self.errors += content['text']  # Held back: it may be the error that ends the run.
            else:
                *lines, self.partial = (self.partial + content['text']).split('\n')
                self.show(lines)
        elif kind in ('display_data', 'update_display_data') and set(content['data']) == {'text/plain'}:
            lines = ESCAPES.sub('', content['data']['text/plain']).strip().splitlines()
            if lines:
                self.latest = lines[-1]
                self.screen.note(self.latest)
        return super().process_message(msg, cell, cell_index)


def save(notebook, path):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    nbformat.write(notebook, f'{path}.tmp')
    os.replace(f'{path}.tmp', path)


def run(path, target, title, screen):
    notebook = nbformat.read(path, as_version=4)
    name = os.path.splitext(os.path.basename(path))[0]
    started = time.monotonic()
    screen.line(title)
    folder = {'metadata': {'path': os.path.dirname(path) or '.'}}
    runner = Runner(notebook, screen, timeout=None, kernel_name='tslab', resources=folder)
    problem = []

    def execute():
        try:
            runner.execute()
        except CellExecutionError as error:
            # tslab prints the error of a cell; other kernels send it.
            problem.append(runner.errors or ESCAPES.sub('', str(error)))
        except DeadKernelError:
            problem.append('The kernel died; out of memory is the usual reason: choose a smaller size in the settings cell.')
        except Exception as error:  # pylint: disable=broad-except
            problem.append(f'The kernel could not be used: {error}')

    # In a thread of its own, so that signals come to this one.
    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.5)
            runner.progress()
    except KeyboardInterrupt:
        screen.set('')
        runner.kill_kernel()
        save(notebook, target)
        print(f'\nStopped; what ran up to here is in {target}.', file=sys.stderr, flush=True)
        os._exit(130)
    screen.set('')
    save(notebook, target)
    if problem:
        where = f', cell {runner.label.strip()}' if runner.label else ''
        print(f'\n✗ {path}{where}:\n\n{problem[0].strip()}\n\nWhat ran up to there is in {target}.', file=sys.stderr)
        sys.exit(1)
    screen.line(f'✓ {name} ({clock(time.monotonic() - started)})')


def main():
    destination, *paths = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # Raises KeyboardInterrupt.
    screen = Screen()
    for i, path in enumerate(paths, 1):
        target = path if destination == '--inplace' else os.path.join(destination, os.path.basename(path))
        run(path, target, f'{path} ({i} of {len(paths)})', screen)


if __name__ == '__main__':
    main()
