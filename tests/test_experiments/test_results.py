# Copyright (c) mmocr_wsss contributors. All rights reserved.
import json

import pytest

from mmocr_wsss.experiments.results import append_result, read_results


def test_lines_come_back_and_the_last_of_a_run_counts(tmp_path):
    path = tmp_path / 'results.jsonl'
    assert read_results(path) == {}
    for entry in (
        dict(key='a', seed=0, x=1),
        dict(key='a', seed=1, x=2),
        dict(key='a', seed=0, x=3),
    ):
        append_result(path, entry)
    assert read_results(path) == {
        ('a', 0): dict(key='a', seed=0, x=3),
        ('a', 1): dict(key='a', seed=1, x=2),
    }


@pytest.mark.parametrize('cut', [1, 10, 19])
def test_a_line_that_was_cut_off_is_no_result_and_goes(tmp_path, cut):
    path = tmp_path / 'results.jsonl'
    append_result(path, dict(key='a', seed=0))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "b", "seed": 0}'[:cut])
    assert set(read_results(path)) == {('a', 0)}
    append_result(path, dict(key='b', seed=0))
    assert path.read_bytes().startswith(whole)
    assert set(read_results(path)) == {('a', 0), ('b', 0)}


@pytest.mark.parametrize('bad', ['{"key": "b"}', 'not JSON', '[1, 2]', '{"key": [], "seed": 1}'])
def test_a_line_that_nobody_wrote_is_named(tmp_path, bad):
    path = tmp_path / 'results.jsonl'
    path.write_text(json.dumps(dict(key='a', seed=0)) + f'\n{bad}\n')
    with pytest.raises(ValueError, match=r'results\.jsonl, line 2: not a result .*Take the line'):
        read_results(path)


def test_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match='not JSON compliant'):
        append_result(tmp_path / 'results.jsonl', dict(key='a', seed=0, miou=float('nan')))
