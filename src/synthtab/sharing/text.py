"""What the command line says of an assessment, and of the machine."""

from __future__ import annotations

import platform

from synthtab.attacks.card import ROWS
from synthtab.evaluation.utility import LEARNERS
from synthtab.sharing import assessment as judged
from synthtab.sharing.assessment import METRICS, REAL, SYNTHETIC, Assessment


def summary(assessment: Assessment) -> str:
    """An assessment in some lines of text."""
    rows = assessment.utility
    metric = METRICS[str(rows.metric.iloc[0])]
    lines = [f"trained on real and on synthetic rows, {metric} on real ones:"]
    for learner in rows.learner.unique():
        of = rows[rows.learner == learner].set_index("table")
        real, made = of.loc[REAL], of.loc[SYNTHETIC]
        lines.append(
            f"  {LEARNERS[learner]:20} {real.value:6.3f} {made.value:6.3f}   "
            f"{made.percent:.0f} % ({made.percent_low:.0f} to {made.percent_high:.0f} %)"
        )
    detection = assessment.fidelity.query("metric == 'c2st'").value.item()
    lines.append(f"told apart from real rows with AUC {detection:.2f} (ideal 0.50)")
    if assessment.privacy is None:
        lines.append("privacy: no verdict without --unseen rows")
    else:
        for key, row in assessment.privacy.rows.items():
            value, low, high = row.estimate
            lines.append(f"  {ROWS[key]:32} {row.verdict:12} {value:.3f} ({low:.3f} to {high:.3f})")
        lines += [f"  void: {reason}" for reason in assessment.privacy.void]
    lines += [f"note: {note}" for note in assessment.notes]
    return "\n".join(lines) + "\n"


def versions() -> str:
    """Versions of this package and of those it stands on, and the devices that train.

    Examples
    --------
    >>> versions().startswith("synthtab ")
    True
    """
    import torch

    lines = [f"{name} {version}" for name, version in judged.versions().items()]
    lines.append(f"python {platform.python_version()} on {platform.platform()}")
    cuda = torch.cuda.is_available()
    lines.append(f"trains on {torch.cuda.get_device_name() if cuda else 'the processor'}")
    return "\n".join(lines) + "\n"
