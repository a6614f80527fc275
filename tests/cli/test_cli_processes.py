"""What only a process of its own shows: signals, limits of the system, a reader that has had enough."""

import os
import resource
import signal
import subprocess
import time

import pytest
from cli_helpers import make_texts, process, write_csv


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    texts, labels = make_texts(20_000, 400)
    return write_csv(tmp_path_factory.mktemp("data") / "long.csv", {"text": texts, "label": labels})


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_leaves_a_checkpoint_and_nothing_else(labelled, tmp_path, number):
    training = ("--method", "erm", "--max-epochs", "100000", "--precision", "float32")
    running = process("fit", labelled, "-o", tmp_path / "model", *training, "--quiet")
    checkpoint = tmp_path / "model.checkpoint.safetensors"
    while not checkpoint.exists() and running.poll() is None:
        time.sleep(0.05)
    running.send_signal(number)
    _, error = running.communicate()
    assert running.returncode == 130, error.decode()
    assert error.decode() == (
        "interrupted; no model was written; what was trained is kept in "
        f"{checkpoint}: give the same command with --resume to go on\n"
    )
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.slow
def test_the_file_size_limit_is_reached_midway(model, long_file, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    running = process("predict", model, long_file, "-o", tmp_path / "out.csv", preexec_fn=limit)
    _, error = running.communicate()
    assert running.returncode == 2
    expected = f"error: {tmp_path / 'out.csv'} cannot be written: the file-size limit was reached"
    assert expected in error.decode()
    assert "Traceback" not in error.decode()
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_reader_that_has_had_enough_is_no_error(model, long_file):
    running = process("predict", model, long_file, "--quiet", stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"text,label,prediction,probability\n"
    running.stdout.close()
    assert running.stderr.read() == b""
    assert running.wait() == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_behind_standard_output(options):
    with open("/dev/full", "wb") as full:
        running = process("datasets", *options, stdout=full)
        _, error = running.communicate()
    assert running.returncode == 2
    assert error.decode().startswith("error: ")
    assert error.decode().count("\n") == 1
