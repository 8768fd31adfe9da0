# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Runs of a tool that can be killed, data workers and all."""

import os
import signal
import socket
import subprocess
import sys
import time

#: Seconds after which a run is taken for stuck.
PATIENCE = 300


class ToolRun:
    """The processes of one run of ``tools/NAME.py``.

    Args:
        repo_root: the checkout.
        name: of the tool.
        log: file for what the processes print; they run in its folder.
        arguments: of the tool.
        processes: their number; more than one make up a gloo group.
    """

    def __init__(self, repo_root, name, log, arguments, processes=1):
        command = [sys.executable, repo_root / 'tools' / f'{name}.py', *arguments]
        if processes > 1:
            command += ['--launcher', 'pytorch']
        shared = os.environ | {
            'PYTHONPATH': str(repo_root),
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '-1',
            'MASTER_ADDR': '127.0.0.1',
            'MASTER_PORT': str(free_port()),
            'WORLD_SIZE': str(processes),
        }
        self.log = log.open('a')
        self.processes = [
            subprocess.Popen(
                [str(part) for part in command],
                cwd=log.parent,
                env=shared | {'RANK': str(rank), 'LOCAL_RANK': str(rank)},
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for rank in range(processes)
        ]

    def is_running(self):
        return all(process.poll() is None for process in self.processes)

    def wait(self):
        return [process.wait(PATIENCE) for process in self.processes]

    def wait_for(self, condition, seconds=None):
        """Return when the condition holds, ``seconds`` are over or a process has ended."""
        end = time.monotonic() + (PATIENCE if seconds is None else seconds)
        while not condition() and self.is_running():
            if time.monotonic() > end:
                assert seconds is not None, f'stuck, see {self.log.name}'
                return
            time.sleep(0.0003)

    def kill(self):
        """SIGKILL to each process and its data workers; they share its session."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        self.wait()
        self.log.close()


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]
