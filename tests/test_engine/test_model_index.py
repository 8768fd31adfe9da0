# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The model index: as the configs say, complete, and read by the library of MIM."""

import modelindex
import pytest
import yaml
from modelindex.load_model_index import load

from mmocr_wsss.engine.model_index import FOLDERS, model_index_files


@pytest.fixture(scope='module')
def index(repo_root):
    return load(str(repo_root))


def test_files_are_up_to_date(repo_root):
    files = model_index_files(repo_root)
    assert set(files) == {'model-index.yml', *(f'configs/{name}/metafile.yml' for name in FOLDERS)}
    for name, text in files.items():
        written = (repo_root / name).read_text(encoding='utf-8')
        assert written == text, f'{name}: run python tools/write_model_index.py'
    metafiles = (repo_root / 'configs').rglob('metafile.y*ml')
    assert {str(path.relative_to(repo_root)) for path in metafiles} == set(files) - {
        'model-index.yml'
    }


def test_library_of_mim_finds_no_fault(index):
    assert modelindex.__name__ == 'modelindex' and index.check(silent=True) == []


def test_every_recipe_is_listed_once(index, repo_root):
    listed = [model.config for model in index.models]
    recipes = [path for name in FOLDERS for path in (repo_root / 'configs' / name).glob('*.py')]
    assert len(recipes) > 30
    assert sorted(listed) == sorted(str(path.relative_to(repo_root)) for path in recipes)
    assert len({model.name for model in index.models}) == len(listed)


def test_models_and_collections_fit(index):
    collections = {collection.name: collection for collection in index.collections}
    assert len(collections) == len(list(index.collections))
    assert {model.data['In Collection'] for model in index.models} == set(collections)
    for model in index.models:
        facts = model.metadata.data
        assert facts['Iterations'] > 0 and facts['Batch Size'] > 0
        assert len(facts['Architecture']) == 2
        # None are published: a link could only be dead.
        assert model.weights is None


def test_papers_are_named_as_where_they_are_cited(index, repo_root):
    (cited,) = yaml.safe_load((repo_root / 'CITATION.cff').read_text())['references']
    papers = {c.name: c.paper for c in index.collections}
    assert papers['Out-of-Candidate Rectification'] == {
        'Title': cited['title'],
        'URL': cited['url'],
    }


CONFIG = """
model = dict(type='EncoderDecoder', backbone=dict(type='mmocr_wsss.WideResNet38'))
train_cfg = dict(max_iters=7)
train_dataloader = dict(batch_size=3)
test_dataloader = dict(dataset=dict(ann_file='lists/val.txt'))
expected_results = [
    ('mIoU', 48.13, 0.3),
    ('oc_rate', 2.5, 0.1),
    dict(metric='mIoU', published=64.5, split='test', source='a paper'),
    dict(metric='mIoU', published_gain=3.3, source='an abstract'),
]
"""


def test_measured_and_published_numbers_stay_apart(tmp_path):
    (tmp_path / 'configs' / 'ocr').mkdir(parents=True)
    (tmp_path / 'configs' / 'ocr' / 'mine_coco.py').write_text(CONFIG)
    metafile = yaml.safe_load(model_index_files(tmp_path)['configs/ocr/metafile.yml'])
    (model,) = metafile['Models']
    task = {'Task': 'Semantic Segmentation'}
    assert model == {
        'Name': 'ocr_mine_coco',
        'In Collection': 'Out-of-Candidate Rectification',
        'Config': 'configs/ocr/mine_coco.py',
        'Metadata': {
            'Training Data': 'MS COCO 2014',
            'Iterations': 7,
            'Batch Size': 3,
            'Architecture': ['WideResNet38'],
        },
        'Results': [
            task | {'Dataset': 'MS COCO 2014 val', 'Metrics': {'mIoU': 48.13, 'oc_rate': 2.5}}
        ],
        'Published Results': [
            task | {'Dataset': 'MS COCO 2014 test', 'Metrics': {'mIoU': 64.5}, 'Source': 'a paper'},
            task
            | {
                'Dataset': 'MS COCO 2014',
                'Metrics': {'gain in mIoU': 3.3},
                'Source': 'an abstract',
            },
        ],
    }
