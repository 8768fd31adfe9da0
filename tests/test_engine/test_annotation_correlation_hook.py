# Copyright (c) mmocr_wsss contributors. All rights reserved.
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from mmocr_wsss.engine import AnnotationCorrelationHook
from mmocr_wsss.engine.annotation_correlation_hook import tags_of_dataset
from mmocr_wsss.models.losses import OutOfCandidateLoss

TAGS = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]], dtype=bool)


def tagged(tags=TAGS):
    return SimpleNamespace(tag_matrix=tags, metainfo=dict(classes=('background', 'a', 'b', 'c')))


def fake_runner(work_dir, dataset, num_classes=4):
    model = torch.nn.Conv2d(1, 1, 1)
    model.loss_oc, model.num_classes = OutOfCandidateLoss(), num_classes
    return SimpleNamespace(
        model=model,
        train_dataloader=SimpleNamespace(dataset=dataset),
        work_dir=str(work_dir),
        logger=MMLogger.get_instance('hook_test'),
    )


def test_prior_reaches_the_loss_the_work_dir_and_the_checkpoint(tmp_path):
    runner = fake_runner(tmp_path, tagged())
    hook = AnnotationCorrelationHook(smoothing=1.0)
    hook.before_train(runner)
    # class 1 in three images, one of them with class 2: (1 + 1) / (3 + 2)
    assert runner.model.loss_oc.prior[1, 2].item() == pytest.approx(0.4)
    stored = json.loads((tmp_path / 'annotation_correlation.json').read_text())
    assert stored['classes'] == ['background', 'a', 'b', 'c'] and stored['num_images'] == 4
    assert stored['correlation'][1][2] == pytest.approx(0.4)
    checkpoint = dict(meta={})
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint['meta']['annotation_correlation'] == stored['correlation']


def test_weights_saved_without_a_training_have_no_matrix():
    checkpoint = dict(meta={})
    AnnotationCorrelationHook().before_save_checkpoint(SimpleNamespace(), checkpoint)
    assert checkpoint == dict(meta={})


def test_smoothing_matters(tmp_path):
    runner = fake_runner(tmp_path, tagged())
    AnnotationCorrelationHook(smoothing=0.5).before_train(runner)
    assert runner.model.loss_oc.prior[1, 2].item() == pytest.approx(1.5 / 4)
    with pytest.raises(ValueError, match='smoothing must be > 0'):
        AnnotationCorrelationHook(smoothing=0)


def test_tags_are_found_through_wrappers():
    wrapped = SimpleNamespace(
        datasets=[SimpleNamespace(dataset=tagged()), tagged(TAGS[:1])],
    )
    assert [len(tags) for tags in tags_of_dataset(wrapped)] == [4, 1]
    with pytest.raises(ValueError, match='SimpleNamespace carries no tags. Wrap it'):
        tags_of_dataset(SimpleNamespace(dataset=SimpleNamespace()))


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match='know 3 classes, so the model needs num_classes=4'):
        AnnotationCorrelationHook().before_train(fake_runner(tmp_path, tagged(), num_classes=21))
    runner = fake_runner(tmp_path, tagged())
    del runner.model.loss_oc
    with pytest.raises(ValueError, match='needs a model with loss_oc, got Conv2d'):
        AnnotationCorrelationHook().before_train(runner)
