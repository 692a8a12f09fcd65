"""The figure that the reader changes shows what the records hold, and the slides are drawn."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import vl_convert

from seds500.pages import explore, slides
from seds500.records import Records

RECORDS = Records(Path(__file__).parents[2] / "records")
SCORES = explore.scores(RECORDS)
FIRST = {key: next(iter(known)) for key, known in explore.choices().items()}


def test_a_score_is_that_of_its_record() -> None:
    (found,) = [s for s in explore.chosen(SCORES, **FIRST) if s.method == "HybridDiffusion"]
    expected = RECORDS.value("013_standin.utility.replacement.hybrid.rf.r2")
    assert [found.mean, found.low, found.high, found.percent] == pytest.approx(
        [expected[key] for key in ("mean", "low", "high", "percent")], abs=1e-4
    )


def test_every_choice_has_scores_and_none_twice() -> None:
    known = explore.choices()
    for experiment in known["experiment"]:
        for source in known["source"]:
            for setting in known["setting"]:
                for learner in known["learner"]:
                    choice = {"experiment": experiment, "source": source}
                    found = explore.chosen(SCORES, **choice, setting=setting, learner=learner)
                    methods = [score.method for score in found]
                    assert "HybridDiffusion" in methods
                    assert len(set(methods)) == len(methods)


def test_the_specification_draws_every_method_by_name() -> None:
    shown = explore.chosen(SCORES, **FIRST)
    drawn = vl_convert.vegalite_to_svg(explore.specification(shown) | {"width": 460})
    assert [score.method for score in shown if f">{score.method}<" not in drawn] == []
    assert "◂ −" in drawn  # a score below the axis is written out


@pytest.mark.parametrize("name", slides.FIGURES)
def test_a_figure_of_the_slides_has_large_letters(name: str) -> None:
    figure = slides.FIGURES[name](RECORDS)
    assert not plt.fignum_exists(figure.number)
    assert figure.axes[0].xaxis.label.get_size() >= 16
    assert figure.get_figwidth() == 11  # so that a point has the same size on every slide
