"""HybridDiffusion: the generator, from a frame to a frame."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from synthtab.diffusion.codes import CodeEncoder, NumberCodes, as_float
from synthtab.diffusion.fitting import fit_networks
from synthtab.diffusion.gaussian import DiffusionModel, GaussianHybridDiffusion
from synthtab.diffusion.networks import ColumnNetworks, to_batch
from synthtab.diffusion.reveal import Condition, reveal
from synthtab.diffusion.training import Callback, seeded, torch_generator
from synthtab.dp.budget import Privacy
from synthtab.parallel import one_thread
from synthtab.table.schema import Schema

_BLOCK = 4096  # rows drawn from one seed; results do not depend on anything coarser
_N_COMPONENTS = 2
_FEW_ROWS = 5000  # below, networks see coarser ranks and are averaged over three members
_VERY_FEW_ROWS = 2000
_WIDE_TABLE, _VERY_WIDE_TABLE = 64, 150  # columns

_PARTICLES, _MOST_PARTICLES = 64, 4096  # draws that compete for a row under conditions
_EFFECTIVE = 8  # of them are to count
_SEVERAL = (tuple, list, set, frozenset)

Conditions = Mapping[str, Any] | pd.DataFrame


class HybridDiffusion(DiffusionModel):
    """Masked diffusion of a mixed table: every cell a code, revealed one after another.

    A category is a code, and so are the bin of a number and a missing cell. Masked (absorbing)
    diffusion (Austin et al., 2021) reveals the cells of a row one by one. With `order` "any" every
    order of the columns is learnt; with "natural" one order is, and the model is then
    autoregressive, which fits better and draws no worse. Each column has a small network of its
    own. Numbers have Gaussians beside their bins, so that smooth dependence is learnt from few
    rows, and a value has its place inside its bin. Where two numbers are often equal, a number may
    be copied from the other, to its last digit. With `order` "natural" it is copied from columns
    before its own only: where the later of the two is given, the earlier one is not copied from it.
    With `privacy` nothing is copied.

    Parameters
    ----------
    privacy : Privacy or None, default=None
        A budget of differential privacy, and what is public of the table. The model is then a
        `GaussianHybridDiffusion`, trained by DP-SGD.
    order : {"natural", "any"}, default="natural"
        Orders that are learnt. With "any" given values are known from the start, so that
        conditions and imputation need no weights. It takes about twice the time, and as its
        networks answer many questions each answer fits less well.
    n_iter : int or "auto", default="auto"
        Optimiser steps, at most: each column stops when rows kept aside are predicted no better.
        "auto" grows with the square root of the rows, from 1,000 to 5,000.
    batch_size : int or "auto", default="auto"
        Rows per step, of each member; all of them in a smaller table. "auto" is 128.
    width : int or "auto", default="auto"
        Units of each network. "auto" is 64; 32 below 2,000 rows or above 64 columns, 16 above 150.
    n_members : int or "auto", default="auto"
        Networks per column, whose predictions are averaged. "auto" is 3 below 5,000 rows in tables
        of at most 150 columns, else 1.
    dropout : float or "auto", default="auto"
        Share of the units left out in training. "auto" is 0.3 below 2,000 rows, else none.
    learning_rate : float or "auto", default="auto"
        At the beginning; it falls to zero. "auto" is 4e-3.
    device : str, default="auto"
        Where the networks are trained: "auto" takes a GPU when there is one. Rows are drawn on the
        CPU, and so are all random numbers.
    progress : bool, default=False
        Show a progress bar with the time left while training.
    callback : callable or None, default=None
        Called as ``callback(step, n_iter, loss)`` after every optimiser step. With privacy the
        loss is NaN: the guarantee does not cover it.
    random_state : int, Generator or None, default=None
        Seeds initial weights and batches of `fit`. The guarantee of privacy holds for those who do
        not know it: for a release leave it at None.

    Attributes
    ----------
    schema_ : Schema
        Description of the fitted table.
    encoder_ : CodeEncoder
        Between tables and codes. With privacy the encoder of the private model.
    networks_ : ColumnNetworks
        Averaged weights; not with privacy.
    n_iter_ : int
        Steps at most: their number decides how the learning rate falls. Not with privacy.
    loss_curve_ : ndarray of shape (n_steps,)
        Training loss at each step, in nats a row; empty with privacy.
    held_out_loss_ : ndarray of shape (n_looks, n_columns)
        Mean loss of each column on rows kept aside, after every 50 steps.
    private_ : GaussianHybridDiffusion or None
        The model that is used with privacy.
    guarantee_ : Guarantee or None
        What the fit has kept to, in numbers and in words; None without privacy.
    epsilon_, delta_ : float or None
        The budget that was spent; None without privacy.

    Notes
    -----
    Every row is an independent draw. Drawing works in blocks of 4,096 rows, under conditions of as
    many particles, each with a seed of its own. The first rows of a long draw are those of a short
    one. Another number of rows in a block or of threads, another processor or another torch release
    may change the last bits.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [6, 8, 8, 10] * 10, "plant": ["a", "b", "b", "a"] * 10,
    ...                       "minutes": [700, 800, 810, 930] * 10})
    >>> schema = Schema.infer(frame, target="minutes")
    >>> model = HybridDiffusion(n_iter=20, random_state=0).fit(frame, schema)
    >>> model.sample(3, random_state=1).shape
    (3, 3)
    >>> model.sample(2, random_state=1, conditions={"plant": "a"})["plant"].tolist()
    ['a', 'a']
    """

    def __init__(
        self,
        *,
        privacy: Privacy | None = None,
        order: Literal["natural", "any"] = "natural",
        n_iter: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        width: int | Literal["auto"] = "auto",
        n_members: int | Literal["auto"] = "auto",
        dropout: float | Literal["auto"] = "auto",
        learning_rate: float | Literal["auto"] = "auto",
        device: str = "auto",
        progress: bool = False,
        callback: Callback | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.privacy = privacy
        self.order = order
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.width = width
        self.n_members = n_members
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.device = device
        self.progress = progress
        self.callback = callback
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Learn the joint distribution of a table.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Training rows. Cells may be missing; with privacy they may not.
        schema : Schema
            Their description.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, has fewer than two rows or a column without
            a value, `order` is neither "natural" nor "any", or training diverges; with privacy, if
            something public is not declared, naming the columns.
        ModuleNotFoundError
            If privacy is asked for and opacus is not installed.
        """
        if self.order not in ("natural", "any"):
            raise ValueError(f'order={self.order!r}: it is "natural" or "any"')
        counts = {k: getattr(self, k) for k in ("n_iter", "batch_size", "width", "n_members")}
        if wrong := [f"{k}={v!r}" for k, v in counts.items() if v != "auto" and v < 1]:
            raise ValueError(f"{', '.join(wrong)}: each is at least 1")
        if self.privacy is not None:
            return self._fit_privately(frame, schema)
        encoder = CodeEncoder().fit(frame, schema)
        if len(frame) < 2:
            raise ValueError(f"a table of {len(frame)} row cannot be learnt; give at least 2")
        rng = np.random.default_rng(self.random_state)
        generator = torch_generator(rng)
        rows = to_batch(encoder, encoder.cells(frame))
        n_iter = self.n_iter
        if n_iter == "auto":
            n_iter = int(np.clip(30 * len(frame) ** 0.5, 1000, 5000))
        # Small products are slower on several threads, and much slower where others work too.
        with one_thread(), seeded(rng, self.device_):
            fitted = fit_networks(
                self._networks(encoder, rows.code.numpy()).to(self.device_),
                rows,
                n_iter=n_iter,
                batch_size=128 if self.batch_size == "auto" else self.batch_size,
                learning_rate=4e-3 if self.learning_rate == "auto" else self.learning_rate,
                natural_share=0.5,
                progress=self.progress,
                callback=self.callback,
                generator=generator,
            )
        self.schema_, self.encoder_, self.n_iter_ = schema, encoder, n_iter
        self.networks_ = fitted.networks.to("cpu")
        self.loss_curve_, self.held_out_loss_ = fitted.losses, fitted.held_out
        self.private_: GaussianHybridDiffusion | None = None
        self.guarantee_ = None
        return self

    def sample(
        self,
        n_samples: int,
        *,
        random_state: int | np.random.Generator | None = None,
        conditions: Conditions | None = None,
        n_particles: int | Literal["auto"] = "auto",
    ) -> pd.DataFrame:
        """Draw synthetic rows, free or under conditions.

        Parameters
        ----------
        n_samples : int
            Rows to draw.
        random_state : int, Generator or None, default=None
            Seed of the draw; None draws afresh.
        conditions : mapping of str to value, or DataFrame, default=None
            What rows are to have, the rest being drawn given it. Of a column a value; of a number
            also a pair, the least and the greatest value; of a category also a list or set of
            values. A frame of `n_samples` rows and some of the columns says it cell by cell, a
            category by a value or a list; its missing cells are free.
        n_particles : int or "auto", default="auto"
            How many draws compete for each row under conditions; more are closer to the model's
            law. Given values need one with `order` "any". "auto" is 64, or as many as a trial draw
            finds are needed for rare conditions that all rows share, up to 4,096.

        Returns
        -------
        DataFrame of shape (n_samples, n_columns)
            With the columns, order, dtypes and categories of the fitted table.

        Raises
        ------
        ValueError
            If `n_samples` is not positive, or conditions cannot be met: on a column that the table
            does not have, or a category or a range that it never takes.

        Warns
        -----
        UserWarning
            If conditions that all rows share are so rare that the particles do not suffice. The
            rows then meet the conditions, and what else is in them is not what the model says of
            such rows. No probability of the model is quite zero: values that never occur together
            are such conditions.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        blocks = self._blocks(n_samples, random_state, conditions, n_particles)
        return pd.concat(blocks, ignore_index=True)

    def iter_samples(
        self,
        n_samples: int,
        *,
        random_state: int | np.random.Generator | None = None,
        conditions: Conditions | None = None,
        n_particles: int | Literal["auto"] = "auto",
    ) -> Iterator[pd.DataFrame]:
        """Draw the rows of `sample` in frames of at most 4,096: they need not fit into memory.

        Takes and refuses what `sample` does.
        """
        yield from self._blocks(n_samples, random_state, conditions, n_particles)

    def impute(
        self,
        frame: pd.DataFrame,
        *,
        random_state: int | np.random.Generator | None = None,
        n_particles: int | Literal["auto"] = "auto",
    ) -> pd.DataFrame:
        """Fill the missing cells of rows by draws given their other cells.

        One draw each: repeat it with several seeds for multiple imputation.

        Parameters
        ----------
        frame : DataFrame of shape (n, n_columns)
            Rows of the fitted schema; all of their columns, with gaps.
        random_state, n_particles
            As in `sample`.

        Returns
        -------
        DataFrame of shape (n, n_columns)
            The rows without gaps; what was there is as it was.

        Raises
        ------
        ValueError
            If the frame is not a table of the schema, a known cell holds a number beyond those of
            the training rows, or one that a short list lacks, or the model is a private one.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self)
        if self.private_ is not None:
            raise ValueError("a private model does not fill cells")
        self.schema_.validate(frame, allow_missing=True)
        open_rows = frame.isna().any(axis=1).to_numpy()
        if not open_rows.any():
            return frame.copy()
        given = frame[open_rows].reset_index(drop=True)
        blocks = self._blocks(len(given), random_state, given, n_particles, with_gaps=False)
        filled = pd.concat(blocks).set_index(frame.index[open_rows])
        places = np.concatenate([np.flatnonzero(~open_rows), np.flatnonzero(open_rows)])
        rows = pd.concat([frame[~open_rows].astype(filled.dtypes), filled])
        return rows.iloc[places.argsort()]

    def log_likelihood(self, frame: pd.DataFrame) -> np.ndarray:
        """Log probability of given rows, shape (n,): how familiar the model is with each.

        A number counts as the ranks that its value owns, at least those of one training row, and a
        number that the training rows lack as the nearest that they have. It is exact for the
        natural order.

        Raises
        ------
        ValueError
            If the frame is not a table of the fitted schema, or the model is a private one.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self)
        if self.private_ is not None:
            raise ValueError("a private model has no likelihood; see private_.row_loss")
        rows = to_batch(self.encoder_, self.encoder_.cells(frame))
        parts = []
        with torch.no_grad():
            for start in range(0, len(frame), _BLOCK):
                part = rows.take(None, slice(start, start + _BLOCK))
                known = self.networks_.natural(part.code.shape[1])
                cells = self.networks_.log_likelihood(part, known).double()
                parts.append(cells.logsumexp(dim=0).sum(dim=0))
        members = self.networks_.n_members
        log_p: np.ndarray = torch.cat(parts).numpy()
        return np.asarray(log_p - len(self.schema_.columns) * np.log(members))

    def _blocks(
        self,
        n_samples: int,
        random_state: int | np.random.Generator | None,
        conditions: Conditions | None,
        n_particles: int | Literal["auto"],
        *,
        with_gaps: bool = True,
    ) -> Iterator[pd.DataFrame]:
        """Drawn rows in frames of at most 4,096."""
        check_is_fitted(self)
        if self.private_ is not None:
            if isinstance(conditions, pd.DataFrame):
                raise ValueError("a private model takes conditions as a mapping of single values")
            yield from self.private_.iter_samples(
                n_samples, random_state=random_state, conditions=conditions
            )
            return
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples}: draw at least one row")
        if n_particles != "auto" and n_particles < 1:
            raise ValueError(f"n_particles={n_particles}: each row needs at least one")
        asked = self._conditions(conditions, n_samples)
        any_order = self.networks_.any_order
        needs_weights = [c for c in asked.values() if not any_order or not c.is_exact]
        times = 1
        if needs_weights:
            times = _PARTICLES if n_particles == "auto" else n_particles
        rng = np.random.default_rng(random_state)
        if needs_weights and isinstance(conditions, Mapping):
            times = self._enough(conditions, times, is_fixed=n_particles != "auto")
        block = max(_BLOCK // times, 1)  # particles are rows too, and fill as much memory
        for start in range(0, n_samples, block):
            (child,) = rng.spawn(1)
            generator = torch_generator(child)
            end = min(start + block, n_samples)
            with one_thread():
                drawn = reveal(
                    self.networks_,
                    self.encoder_,
                    end - start,
                    generator,
                    conditions={j: c.part(start, end) for j, c in asked.items()},
                    n_particles=times,
                    with_gaps=with_gaps,
                    first_row=start,
                )
            rows = self.encoder_.decode(drawn.code, drawn.rank, drawn.copied)
            yield with_given(rows, conditions, start)

    def _enough(self, conditions: Conditions, times: int, *, is_fixed: bool) -> int:
        """Particles for conditions that all rows share, as a trial draw finds them."""
        n = _BLOCK // _PARTICLES
        with one_thread():
            trial = reveal(
                self.networks_,
                self.encoder_,
                n,
                torch_generator(np.random.default_rng(0)),
                conditions=self._conditions(conditions, n),
                n_particles=_PARTICLES,
            )
        needed = math.ceil(_EFFECTIVE / max(trial.alive, 1e-12))
        if not is_fixed:
            times = int(np.clip(needed, times, _MOST_PARTICLES))
        if 4 * times < needed:
            warnings.warn(
                f"the conditions {dict(conditions)} are rare: about {needed:,} draws would have to "
                f"compete for each row, and {times:,} do. What else is in these rows is not "
                "what the model says of such rows; draw freely and keep the rows that meet them",
                stacklevel=5,
            )
        return times

    def _networks(self, encoder: CodeEncoder, codes: np.ndarray) -> ColumnNetworks:
        """Untrained networks that suit a table."""
        n, n_columns = codes.shape
        width = self.width
        if width == "auto":
            width = 32 if n < _VERY_FEW_ROWS or n_columns > _WIDE_TABLE else 64
            width = 16 if n_columns > _VERY_WIDE_TABLE else width
        dropout = self.dropout
        if dropout == "auto":
            dropout = 0.3 if n < _VERY_FEW_ROWS else 0.0
        n_members = self.n_members
        if n_members == "auto":
            n_members = 3 if n < _FEW_ROWS and n_columns <= _VERY_WIDE_TABLE else 1
        sizes = [column.n_codes for column in encoder.columns_.values()]
        return ColumnNetworks(
            encoder,
            [np.bincount(codes[:, j], minlength=size) for j, size in enumerate(sizes)],
            n_members=n_members,
            width=width,
            n_segments=2 if n < _FEW_ROWS or n_columns > _WIDE_TABLE else 16,
            n_waves=8 if n < _FEW_ROWS else 32,
            n_components=_N_COMPONENTS,
            any_order=self.order == "any",
            dropout=dropout,
        )

    def _fit_privately(self, frame: pd.DataFrame, schema: Schema) -> Self:
        """Like `fit`, by DP-SGD."""
        if self.order != "natural":
            raise ValueError('privacy is for order="natural": the private model has no other')
        not_private = ("order", "n_members", "dropout")
        settings = {k: v for k, v in self.get_params().items() if k not in not_private}
        private = GaussianHybridDiffusion(**settings).fit(frame, schema)
        for former in ("networks_", "n_iter_", "held_out_loss_"):  # of a fit without privacy
            if hasattr(self, former):
                delattr(self, former)
        self.schema_, self.private_, self.guarantee_ = schema, private, private.guarantee_
        self.encoder_, self.loss_curve_ = private.encoder_, private.loss_curve_
        return self

    def _conditions(self, asked: Conditions | None, n: int) -> dict[int, Condition]:
        """Conditions by position of the column, each of n rows."""
        if asked is None:
            return {}
        problems = []
        is_frame = isinstance(asked, pd.DataFrame)
        if is_frame and len(asked) != n:
            problems.append(f"conditions for {len(asked)} rows, and {n} rows to draw")
        names = [str(name) for name in asked]
        unknown = [c for c in names if c not in self.schema_.columns]
        if unknown:
            problems.append(f"no columns {unknown}; columns are {list(self.schema_.columns)}")
        found = {}
        for name in names:
            if name in unknown or (problems and is_frame):
                continue
            codes = self.encoder_.columns_[name]
            try:
                made = (_given_cells if is_frame else _given_value)(name, codes, asked[name], n)
                _check_whole(name, self.encoder_.dtypes_[name], asked[name])
            except (TypeError, ValueError) as error:
                told = str(error)
                problems.append(told if repr(name) in told else f"column {name!r}: {told}")
                continue
            if made.applies.any():
                found[self.schema_.columns.index(name)] = made
        if problems:
            raise ValueError("; ".join(problems))
        return found


def with_given(drawn: pd.DataFrame, conditions: Conditions | None, start: int = 0) -> pd.DataFrame:
    """Drawn rows with given values exactly as they were given: a rank may differ by rounding.

    The first of the rows is that of number `start` of the conditions. They are changed in place.
    """
    if conditions is None:
        return drawn
    for name in conditions:
        asked = conditions[str(name)]
        if isinstance(asked, pd.Series):
            part = asked.iloc[start : start + len(drawn)].set_axis(drawn.index).astype(object)
            is_value = part.notna() & ~part.map(lambda cell: isinstance(cell, _SEVERAL))
            filled = part.where(is_value, drawn[name].astype(object))
            drawn[name] = filled.astype(drawn[name].dtype)
        elif not isinstance(asked, _SEVERAL):
            drawn[name] = pd.Series([asked] * len(drawn)).astype(drawn[name].dtype)
    return drawn


def _given_cells(name: str, codes: Any, values: pd.Series[Any], n: int) -> Condition:
    """The condition that a column has the given cells, where they are not missing."""
    applies = torch.from_numpy(values.notna().to_numpy(dtype=bool))
    if isinstance(codes, NumberCodes):
        exact = as_float(values)
        cells = codes.encode(np.where(applies.numpy(), exact, codes.mean))
        _check_known(name, codes, exact[applies.numpy()])
    else:
        if values.map(lambda cell: isinstance(cell, _SEVERAL)).any():
            return _given_lists(name, codes, values, applies)
        if strange := _unknown(codes, values.dropna().unique()):
            raise _never(name, codes, strange)
        filled = values.astype(object).where(values.notna(), codes.levels[0])
        cells = codes.encode(filled)
    parts = {name: torch.from_numpy(part) for name, part in cells._asdict().items()}
    return _condition(applies, is_exact=True, **parts)


def _given_lists(name: str, codes: Any, cells: pd.Series[Any], applies: Tensor) -> Condition:
    """The condition that each cell is one of some categories, a value being a list of one."""
    lists = [
        () if not known else cell if isinstance(cell, _SEVERAL) else (cell,)
        for cell, known in zip(cells, applies.tolist(), strict=True)
    ]
    if strange := _unknown(codes, itertools.chain(*lists)):
        raise _never(name, codes, strange)
    code_of = {level: code for code, level in enumerate(codes.levels.tolist())}
    allowed = torch.zeros(len(lists), len(codes.levels) + codes.has_gaps, dtype=torch.bool)
    for row, levels in enumerate(lists):
        allowed[row, [code_of[level] for level in levels]] = True
    return _condition(applies, allowed=allowed)


def _given_value(name: str, codes: Any, asked: Any, n: int) -> Condition:
    """The condition that a column has a value, is within a range or is one of some categories."""
    if not isinstance(asked, _SEVERAL):
        if pd.isna(asked):
            raise ValueError(f"column {name!r}: {asked!r} is no value; leave a free column out")
        return _given_cells(name, codes, pd.Series([asked] * n), n)
    applies = torch.ones(n, dtype=torch.bool)
    if isinstance(codes, NumberCodes):
        if not isinstance(asked, tuple) or len(asked) != 2 or not asked[0] <= asked[1]:
            raise ValueError(
                f"column {name!r}: a range is a pair (least, greatest), here {asked!r}"
            )
        least, greatest = (float(end) for end in asked)
        ends = np.clip([least, greatest], *codes.ranks.knot_values[[0, -1]])
        if codes.levels is None and ends[0] == ends[1] and least <= ends[0] <= greatest:
            return _given_cells(name, codes, pd.Series([ends[0]] * n), n)
        low, high = codes.range_of(least, greatest)
        if not low < high:
            raise ValueError(f"column {name!r} has no values from {asked[0]} to {asked[1]}")
        span = torch.tensor([low, high], dtype=torch.float64).expand(n, 2)
        return _condition(applies, low=span[:, 0], high=span[:, 1])
    strange = _unknown(codes, asked)
    if strange or not asked:
        raise _never(name, codes, strange)
    allowed = np.append(np.isin(codes.levels, list(asked)), [False] * codes.has_gaps)
    return _condition(applies, allowed=torch.from_numpy(allowed).expand(n, -1))


def _condition(applies: Tensor, *, is_exact: bool = False, **parts: Tensor) -> Condition:
    """A condition of the given parts; the others are not looked at."""
    n = len(applies)
    blank: dict[str, Tensor] = dict.fromkeys(
        ("rank", "low", "high", "value"), torch.zeros(n, dtype=torch.float64)
    )
    blank |= {"code": torch.zeros(n, dtype=torch.int64), "allowed": torch.zeros(n, 0)}
    return Condition(applies=applies, is_exact=is_exact, **(blank | parts))


def _check_whole(name: str, dtype: Any, asked: Any) -> None:
    """Raise if a value is asked for that a column of integers would cut."""
    if not pd.api.types.is_integer_dtype(dtype) or isinstance(asked, _SEVERAL):
        return
    values = as_float(asked if isinstance(asked, pd.Series) else pd.Series([asked]))
    if strange := sorted(set(values[np.isfinite(values) & (values % 1 != 0)].tolist())):
        raise ValueError(f"column {name!r} takes whole numbers, not {strange[:5]}")


def _check_known(name: str, codes: NumberCodes, values: np.ndarray) -> None:
    """Raise if a number is asked for that the column never takes."""
    if codes.levels is not None:
        if strange := sorted(_unknown(codes, values.tolist())):
            raise _never(name, codes, strange)
        return
    least, greatest = codes.ranks.knot_values[[0, -1]]
    if strange := sorted(set(values[(values < least) | (values > greatest)].tolist())):
        raise ValueError(
            f"column {name!r} goes from {least:g} to {greatest:g}, not to {strange[:5]}"
        )


def _unknown(codes: Any, values: Iterable[Any]) -> list[Any]:
    """Those of some values, each once, that are not in a column's list."""
    known = set(codes.levels.tolist())
    return [value for value in dict.fromkeys(values) if value not in known]


def _never(name: str, codes: Any, strange: list[Any]) -> ValueError:
    return ValueError(
        f"column {name!r} never takes {strange[:5]}; it takes {codes.levels[:10].tolist()}"
    )
