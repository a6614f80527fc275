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
    first, second = run_json("demo"), run_json("demo")
    assert first[0]["average_precision"] == second[0]["average_precision"] > 0.5
    assert first[0]["found"] > 0
    assert [row["method"] for row in first[0]["compared"]] == ["tfidf_lr"]
    assert f"{first[0]['found']} of {first[0]['found'] + first[0]['missed']} found" in result.stdout
