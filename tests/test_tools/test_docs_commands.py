# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Every command and code block of docs/en runs, page by page, on tiny data and networks.

A page's commands run in order in one folder, as somebody would type them, with the tools in
this process. What differs from typing them: configs are the small forms of
``doc_sandbox.tiny_config``; a checkpoint that is not there is made of untrained weights;
and what HOW says. A command or a language of block that is not known fails.
"""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from doc_commands import parsed
from doc_pages import DOCS, PAGES, ROOT, commands, pieces
from doc_sandbox import random_weights, tiny_config, write_sandbox
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from test_configs import shrink
from test_own_data_pipeline import FEW, write_photos
from test_readme import BASELINE, blocks

#: Tool -> how its commands are checked. 'run': as they stand; 'plan': with --dry-run;
#: 'parse': options and named files alone, for the reason given.
HOW = {
    'tools/train.py': 'run',
    'tools/test.py': 'run',
    'tools/predict.py': 'run',
    'tools/prepare_tags.py': 'run',
    'tools/convert_cams.py': 'run',
    'tools/make_affinity_labels.py': 'run',
    'tools/make_pseudo_masks.py': 'run',
    'tools/analysis/background_shift.py': 'run',
    'tools/analysis/browse_dataset.py': 'run',
    'tools/analysis/evaluate_cams.py': 'run',
    'tools/analysis/oc_report.py': 'run',
    'tools/analysis/show_cams.py': 'run',
    'tools/dataset_converters/coco14.py': 'run',
    'tools/dataset_converters/from_tags.py': 'run',
    'tools/dataset_converters/voc12.py': 'run',
    'tools/pipeline.py': 'plan',
    'tools/experiments/run.py': 'plan',
    'tools/experiments/write_evidence.py': 'parse',  # test_evidence.py runs it
    'tools/model_converters/convert.py': 'parse',  # official files have hundreds of MB
    'benchmarks/loss.py': 'parse',  # minutes; test_benchmarks.py runs it
    'benchmarks/scale.py': 'parse',  # test_benchmark_scale.py and test_benchmarks.py run it
}
#: Page -> tools that run there though HOW does less.
RUN_ON = {'train_from_tags.md': {'tools/pipeline.py'}}
#: Pages with tests of their own, here options and named files alone. reproduce.md:
#: test_reproduce.py. evidence*.md: test_evidence.py makes the pages again; the tools of its
#: commands run in test_experiments.py and test_background_shift.py.
CHECKED_ELSEWHERE = dict.fromkeys(('reproduce.md', 'evidence.md', 'evidence_synthetic.md'), 'parse')
#: Tool -> options that make a command fit for few photos.
MORE = {
    'tools/dataset_converters/voc12.py': ['--any-count'],  # these are not 10,582 photos
    'tools/dataset_converters/from_tags.py': ['--val-share', '0.3'],
    'tools/pipeline.py': ['--device', 'cpu', '--jobs', '1'],
}
DIRECTIVES = {'{toctree}', '{eval-rst}'}


@pytest.fixture(scope='module')
def sandbox(tmp_path_factory, voc_root):
    folder = tmp_path_factory.mktemp('pages')
    (mine,) = [block for block in blocks('python') if 'my_baseline.py' in block]
    write_sandbox(folder, voc_root, lambda where: write_photos(where), BASELINE, mine)
    return folder


@pytest.fixture
def page_run(run_tool, commands_of_pipeline, sandbox, monkeypatch, capfd):
    """Run one page in the sandbox; gives how many commands and blocks there were."""
    monkeypatch.chdir(sandbox)
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')  # as for a script that lies there

    def run(path):
        return PageRun(path, sandbox, run_tool, capfd).run()

    return run


class PageRun:
    """The pieces of a page, in order.

    Args:
        path: the page.
        folder: where they run.
        run_tool: runs a tool in this process.
        capfd: holds what a failed command said.
    """

    def __init__(self, path, folder, run_tool, capfd):
        self.name, self.folder = str(path.relative_to(DOCS)), folder
        self.path, self.run_tool, self.capfd = path, run_tool, capfd
        self.printed = None

    def run(self) -> int:
        found = pieces(self.path)
        for piece in found:
            if piece.language in ('bash', 'inline'):
                for words in commands(piece):
                    self.command(words)
            elif piece.language == 'python':
                self.printed = None if self.name in CHECKED_ELSEWHERE else self.python(piece.text)
                continue
            elif piece.language == 'text':
                assert self.printed == piece.text, f'{self.name} shows {piece.text}'
            else:
                assert piece.language in DIRECTIVES, f'{self.name}: ```{piece.language}'
            self.printed = None
        return len(found)

    def command(self, words: list[str]) -> None:
        DefaultScope._instance_dict.clear()
        if words[0] == '--cfg-options':
            check_options(words[1:])
        elif re.fullmatch(r'[A-Z]+=\S+', words[0]) and len(words) == 1:
            assert self.name in CHECKED_ELSEWHERE  # a variable of the shell
        elif words[:2] == ['python', '-c']:
            self.python(words[2])
        elif words[0] in ('make', 'source', 'pip', 'head', 'tar'):
            getattr(self, words[0])(words)
        else:
            assert parsed(words) is not None, f'{self.name}: how is this checked? {words}'
            self.tool(*as_one_process(words))

    def tool(self, tool: str, words: list[str]) -> None:
        how = CHECKED_ELSEWHERE.get(self.name) or HOW.get(tool)
        assert how, f'{self.name}: HOW does not know {tool}'
        if tool in RUN_ON.get(self.name, ()):
            how = 'run'
        configs = [word for word in words if re.fullmatch(r'configs/[\w./-]+\.py', word)]
        assert all((ROOT / name).is_file() for name in configs), words
        if configs:
            self.check_checkpoints(configs[0], words)
        if how == 'parse':
            return
        if tool == 'tools/experiments/run.py':
            words = [str(ROOT / word) if word in configs else word for word in words]
        else:
            for name in configs:
                tiny_config(name, self.folder)
        self.make_weights(words)
        words = [*words[:1], *self.more(tool, how, words), *words[1:]]
        try:
            code = self.run_tool(tool.removeprefix('tools/').removesuffix('.py'), *words)
        except SystemExit as stopped:  # tools with errors of their own
            code = stopped.code
        said = self.capfd.readouterr().err.strip()[-2000:]
        assert code in (0, None), f'{self.name}: {said or code}\n{tool} {shlex.join(words)}'

    def check_checkpoints(self, config, words):
        """The last checkpoint of a training has its number of iterations."""
        for path in (Path(word) for word in words[1:] if re.search(r'/iter_\d+\.pth$', word)):
            if self.name in CHECKED_ELSEWHERE:
                continue
            cfg = Config.fromfile(ROOT / config)
            assert path.stem == f'iter_{cfg.train_cfg.max_iters}', f'{self.name}: {path}'

    def more(self, tool, how, words):
        """Options that a command gets beside its own."""
        more = list(MORE.get(tool, []))
        if how == 'plan' and '--dry-run' not in words:
            more.append('--dry-run')
        if how == 'run' and tool == 'tools/pipeline.py':
            # Up to both segmenters; test_own_data_pipeline.py goes on to the report.
            more += [] if '--to' in words else ['--to', 'oc']
            more += ['--cfg-options', *FEW]
        return more

    def make_weights(self, words):
        """Checkpoints that a training of many iterations would have left."""
        for word in words[1:]:
            path = Path(word)
            if path.suffix != '.pth' or '=' in word or path.is_file():
                continue
            trained = sorted(path.parent.glob('iter_*.pth'))
            if trained:
                shutil.copy(trained[-1], path)
            else:
                random_weights(path, Path(words[0]))

    def python(self, text) -> str | None:
        """What a script prints; a config is built instead."""
        DefaultScope._instance_dict.clear()
        if '_base_' in text:
            return self.config(text)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(text, self.name, 'exec'), {'__name__': 'page'})
        return said.getvalue()

    def config(self, text):
        Path('block.py').write_text(text)
        cfg = Config.fromfile('block.py')
        shrink(cfg, self.folder, self.folder / 'unused')
        init_default_scope('mmseg')
        assert MODELS.build(cfg.model).loss_oc is not None

    def make(self, words):
        (target,) = words[1:]
        plan = subprocess.run(['make', '-n', target], cwd=ROOT, capture_output=True, text=True)
        assert plan.returncode == 0 and plan.stdout, plan.stderr

    def source(self, words):
        assert words == ['source', '.venv/bin/activate']

    def pip(self, words):
        assert words[:2] == ['pip', 'install'] and len(words) == 4
        if words[2] == '-r':
            assert (ROOT / words[3]).is_file()
            return
        (extra,) = re.fullmatch(r'\.\[(\w+)\]', words[3]).groups()
        assert words[2] == '-e' and (ROOT / 'requirements' / f'{extra}.txt').is_file()

    def head(self, words):
        subprocess.run(' '.join(words), shell=True, check=True)

    def tar(self, words):
        assert self.name in CHECKED_ELSEWHERE


def as_one_process(words):
    """(tool, its words); the launchers of several processes become their tool."""
    if words[0] == 'python':
        return words[1], words[2:]
    kind = re.fullmatch(r'tools/dist_(train|test)\.sh', words[0])[1]
    place = 2 if kind == 'train' else 3
    return f'tools/{kind}.py', [*words[1:place], *words[place + 1 :]]


def check_options(items):
    """Each ``KEY=VALUE``, with or without a stage, is a setting of some recipe."""
    pipelines = [
        Config.fromfile(path) for path in sorted((ROOT / 'configs/pipelines').glob('*.py'))
    ]
    for item in items:
        key, sign, _ = item.partition('=')
        stage, _, rest = key.partition('.')
        staged = stage in pipelines[0]
        names = {pipeline[stage if staged else 'oc'] for pipeline in pipelines}
        found = [Config.fromfile(ROOT / 'configs' / name) for name in sorted(names)]
        assert sign and any(cfg_has(cfg, rest if staged else key) for cfg in found), item


def cfg_has(cfg, key):
    for part in key.split('.'):
        if part not in cfg:
            return False
        cfg = cfg[part]
    return True


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_page(path, page_run):
    pytest.importorskip('pydensecrf.densecrf')
    count = page_run(path)
    assert count or path.name == 'index.md'


def test_pages_have_commands():
    counted = {
        path.name: sum(len(commands(piece)) for piece in pieces(path) if piece.language == 'bash')
        for path in PAGES
    }
    assert sum(counted.values()) > 40 and counted['train_from_tags.md'] >= 6


def test_unknown_commands_and_blocks_fail(page_run, tmp_path, monkeypatch):
    for text in (
        '```bash\ncurl address\n```\n',
        '```bash\npython tools/none.py\n```\n',
        '```bash\npython tools/demo.py\n```\n',  # there is one, but nothing says how to check it
        '```bash\npython tools/train.py configs/ocr/none.py\n```\n',
        '`python tools/predict.py configs/ocr/seam_r38_voc.py oc/iter_20.pth photo.jpg --out o`\n',
        '```bash\npython tools/prepare_tags.py no_such_folder out.json --classes voc\n```\n',
        'write `make nothing` or `python tools/pipeline.py`\n',
        '`--cfg-options model.loss_oc.weight=1`\n',
        '```console\n$ ls\n```\n',
        "```python\nprint('a')\n```\n```text\nb\n```\n",
    ):
        page = tmp_path / 'page.md'
        page.write_text(text)
        monkeypatch.setitem(globals(), 'DOCS', tmp_path)
        with pytest.raises((AssertionError, KeyError)):
            page_run(page)
