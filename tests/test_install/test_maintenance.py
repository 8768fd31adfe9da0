# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The files for maintainers agree with the repository: CI, hooks, citation, changelog, notices."""

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from mmocr_wsss import __version__

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted(p for p in (ROOT / '.github/ISSUE_TEMPLATE').glob('*.yml') if p.stem != 'config')
#: Kinds of fields of an issue form, and those in which somebody writes.
FIELDS = {'markdown', 'textarea', 'input', 'dropdown', 'checkboxes'}


def text(name):
    return (ROOT / name).read_text(encoding='utf-8')


def parsed(name):
    return yaml.safe_load(text(name))


@pytest.fixture(scope='module')
def steps():
    """The shell lines of the workflow."""
    jobs = parsed('.github/workflows/ci.yml')['jobs']
    return [step['run'] for job in jobs.values() for step in job['steps'] if 'run' in step]


@pytest.fixture(scope='module')
def lint():
    """The commands of ``make lint``, as make runs them."""
    (recipe,) = re.findall(r'^lint:.*\n((?:\t.*\n)+)', text('Makefile'), re.MULTILINE)
    return [
        line.strip().lstrip('@').replace('$(PY)', '.venv/bin/python')
        for line in recipe.splitlines()
    ]


def test_workflow_calls_targets_that_exist(steps):
    (targets,) = re.findall(r'^\.PHONY: (.*)$', text('Makefile'), re.MULTILINE)
    called = {target for step in steps for target in re.findall(r'\bmake ([\w-]+)', step)}
    assert {'test', 'lint'} <= called <= set(targets.split())


def test_workflow_names_files_that_exist(steps):
    named = set(re.findall(r'(?:tests|requirements)/[\w./-]+', '\n'.join(steps)))
    assert len(named) > 3
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_every_job_has_a_time_limit_and_actions_have_a_major_version():
    jobs = parsed('.github/workflows/ci.yml')['jobs']
    used = [step['uses'] for job in jobs.values() for step in job['steps'] if 'uses' in step]
    assert all(job['timeout-minutes'] <= 90 for job in jobs.values())
    assert used and all(re.fullmatch(r'[\w-]+/[\w-]+@v\d+', action) for action in used)


def test_workflow_starts_at_the_oldest_python():
    (oldest,) = re.findall(r"python_requires='>=([\d.]+)'", text('setup.py'))
    jobs = parsed('.github/workflows/ci.yml')['jobs']
    assert jobs['test']['strategy']['matrix']['python'][0] == oldest
    (setup,) = [step for step in jobs['oldest']['steps'] if 'setup-python' in step.get('uses', '')]
    assert setup['with']['python-version'] == oldest


def test_oldest_job_finds_a_minimum_for_every_host(steps):
    # The job turns '>=' into '==' by a sed that takes exactly these lines.
    pins = dict(re.findall(r'^([a-z]+)>=([\d.]+)$', text('requirements/mminstall.txt'), re.M))
    assert set(pins) == {'mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain'}
    (pinning,) = [step for step in steps if 'mminstall.txt' in step]
    assert r"sed -nE 's/^([a-z]+)>=/\1==/p' requirements/mminstall.txt" in pinning
    assert len(re.findall(r'\bsed\b', pinning)) == 1  # no exceptions


def test_hooks_run_the_ruff_of_make_lint(lint):
    repos = parsed('.pre-commit-config.yaml')['repos']
    hooks = [hook for repo in repos if repo['repo'] == 'local' for hook in repo['hooks']]
    assert [hook['entry'] for hook in hooks] == lint
    assert all(hook['language'] == 'system' and not hook['pass_filenames'] for hook in hooks)
    # A second ruff, of another version, would come with a repository of hooks.
    assert not any('ruff' in repo['repo'] for repo in repos)
    assert all(re.fullmatch(r'v[\d.]+', repo['rev']) for repo in repos if repo['repo'] != 'local')


def test_files_are_clean_as_the_hooks_ask():
    names = ['README.md', *(str(p.relative_to(ROOT)) for p in ROOT.glob('*.md')), 'CITATION.cff']
    names += [str(p.relative_to(ROOT)) for p in (ROOT / '.github').rglob('*.yml')]
    assert len(names) > 8
    for name in names:
        assert not re.search(r'[ \t]$|\r', text(name), re.MULTILINE), name
        assert re.search(r'[^\n]\n\Z', text(name)), name


@pytest.mark.parametrize('form', FORMS, ids=lambda path: path.stem)
def test_issue_form(form):
    content = yaml.safe_load(form.read_text(encoding='utf-8'))
    assert set(content) == {'name', 'description', 'body'}
    fields = content['body']
    assert all(field['type'] in FIELDS for field in fields)
    asked = [field for field in fields if field['type'] != 'markdown']
    ids = [field['id'] for field in asked]
    assert len(set(ids)) == len(ids) and all(field['attributes']['label'] for field in asked)
    assert any(field.get('validations', {}).get('required') for field in asked)


def test_there_is_a_form_for_bugs_gaps_and_questions():
    assert [form.stem for form in FORMS] == ['bug', 'question', 'reproduction_gap']
    assert parsed('.github/ISSUE_TEMPLATE/config.yml') == {'blank_issues_enabled': False}


def check_people(people):
    assert people
    for person in people:
        assert set(person) in ({'name'}, {'family-names', 'given-names'}), person
        assert all(isinstance(value, str) and value for value in person.values())


def test_citation_has_what_cff_1_2_0_requires():
    citation = parsed('CITATION.cff')
    assert citation['cff-version'] == '1.2.0' and citation['type'] == 'software'
    assert all(citation[key] for key in ('message', 'title', 'authors'))
    check_people(citation['authors'])
    assert citation['version'] == __version__
    assert re.search(rf"license='{citation['license']}'", text('setup.py'))


def test_citation_refers_to_the_paper_as_the_readme_does():
    (paper,) = parsed('CITATION.cff')['references']
    assert paper['type'] == 'conference-paper'
    check_people(paper['authors'])
    (title,) = re.findall(r'\btitle\s*= \{(.*)\}', text('README.md'))
    (authors,) = re.findall(r'author\s*= \{(.*)\}', text('README.md'))
    (year,) = re.findall(r'year\s*= \{(\d+)\}', text('README.md'))
    assert (paper['title'], str(paper['year'])) == (title, year)
    names = [f'{who["family-names"]}, {who["given-names"]}' for who in paper['authors']]
    assert names == authors.split(' and ')
    number = paper['identifiers'][0]['value'].removeprefix('arXiv:')
    assert paper['url'].endswith(number) and f'arXiv:{number}' in text('README.md')


def test_changelog_has_this_version_first():
    found = re.findall(r'^## \[(.+?)\](?: - (\S+))?$', text('CHANGELOG.md'), re.MULTILINE)
    released = [entry for entry in found if entry[0] != 'Unreleased']
    assert released[0][0] == __version__
    for _, day in released:
        assert day == 'Unreleased' or date.fromisoformat(day)


def test_changelog_names_what_exists():
    """Classes are defined in the package, tools lie below ``tools``."""
    words = set(re.findall(r'`(?:apis\.)?([\w.]+)`', text('CHANGELOG.md')))
    code = '\n'.join(p.read_text(encoding='utf-8') for p in (ROOT / 'mmocr_wsss').rglob('*.py'))
    classes = {word for word in words if re.fullmatch(r'(?:[A-Z]+[a-z]+)+', word)}
    tools = {word for word in words if word.endswith('.py')}
    assert len(classes) > 5 and len(tools) > 3
    assert not [name for name in classes if not re.search(rf'^class {name}\b', code, re.M)]
    assert tools <= {path.name for path in (ROOT / 'tools').rglob('*.py')}


@pytest.mark.parametrize('name', ['CONTRIBUTING.md', 'CHANGELOG.md'])
def test_named_files_exist(name):
    words = [word for code in re.findall(r'`([^`\n]+)`', text(name)) for word in code.split()]
    words += [
        word
        for block in re.findall(r'```bash\n(.*?)```', text(name), re.S)
        for word in block.split()
    ]
    paths = [
        word for word in words if '/' in word and not re.search(r'[{*()=:]|NAME|^\.venv', word)
    ]
    assert len(paths) > (20 if name == 'CONTRIBUTING.md' else 0)
    assert not [path for path in paths if not (ROOT / path).exists()]
    targets = re.findall(r'\bmake ([a-z]+)\b(?=\s*[`#\n])', text(name))
    assert targets and all(re.search(rf'^{target}:', text('Makefile'), re.M) for target in targets)
    assert name in text('README.md') and name in text('MANIFEST.in')


def test_notices_list_every_requirement():
    listed = set(re.findall(r'^\| ([\w-]+) \|', text('THIRD_PARTY.md'), re.MULTILINE))
    prose = text('THIRD_PARTY.md').split('are the original distributions')[0].splitlines()[-1]
    listed |= set(re.findall(r'\w+', prose))
    for path in (ROOT / 'requirements').glob('*.txt'):
        needed = set(re.findall(r'^([a-z][\w-]*)', path.read_text(encoding='utf-8'), re.MULTILINE))
        assert needed <= listed, f'{path.name}: {needed - listed}'


def test_notices_name_every_repository_that_the_code_names():
    code = '\n'.join(p.read_text(encoding='utf-8') for p in (ROOT / 'mmocr_wsss').rglob('*.py'))
    named = set(re.findall(r'github\.com/([\w-]+/[\w-]+)', code))
    assert len(named) >= 5
    assert not [name for name in named if name not in text('THIRD_PARTY.md')]
