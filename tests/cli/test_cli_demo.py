"""``demo`` from end to end, with the fast method only; `make demo` runs the whole."""

from counterpoise import load_model
from counterpoise.cli import demo


def test_demo_compares_fits_and_finds(run, run_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "METHODS", ("tfidf_lr",))
    result = run("demo")
    assert [path.name for path in tmp_path.iterdir()] == ["counterpoise-demo-model"]
    assert load_model("counterpoise-demo-model").pos_label_ == "fraud"
    assert "Model: counterpoise-demo-model" in result.stdout
    assert "counterpoise predict counterpoise-demo-model" in result.stdout
    (told,), (again,) = run_json("demo"), run_json("demo")
    assert told["average_precision"] == again["average_precision"] > 0.5
    assert told["found"] > 0
    assert [row["method"] for row in told["compared"]] == ["tfidf_lr"]
    assert f"{told['found']} of {told['found'] + told['missed']} found" in result.stdout
