from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from ablation.studies.cells import Cell
from ablation.studies.engines.cohorts import FEW_CELLS, Limits, bytes_of, make_cohorts
from ablation.training.networks import build
from ablation.training.spec import Level
from tests.conftest import make_spec
from tests.studies.engines.reference import ENDS

WIDE = Limits(2**40, 64)


def cell(split: int = 0, **changes) -> Cell:
    spec = make_spec(**changes)
    return Cell(f"{spec.lr}-{spec.seed}-{spec.activation.kind}", {"data": "digits", "split": split}, spec)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["relu", "tanh"]), st.integers(0, 20)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 40),
)
def test_cohorts_hold_every_cell_once_within_the_limit_and_share_their_graph(chosen, workers, limit):
    cells = [cell(activation=activation, seed=seed) for activation, seed in chosen]
    cohorts = make_cohorts(cells, ENDS, workers, Limits(2**40, limit))
    assert sorted(place for cohort in cohorts for place in cohort.places) == list(range(len(cells)))
    for cohort in cohorts:
        assert len(cohort.cells) <= limit
        assert [cells[place] for place in cohort.places] == cohort.cells
        assert len({str(each.spec.shared()) for each in cohort.cells}) == 1
    assert len(cohorts) >= min(workers, len(cells))


def test_cells_of_different_splits_never_share_a_cohort():
    cells = [cell(split, seed=seed) for seed in range(6) for split in (0, 3)]
    ends = {**ENDS, "digits.split3": ENDS["digits"]}
    cohorts = make_cohorts(cells, ends, 1, WIDE)
    assert {frozenset(each.data for each in cohort.cells) for cohort in cohorts} == {
        frozenset({"digits"}),
        frozenset({"digits.split3"}),
    }
    assert [len(cohort.cells) for cohort in cohorts] == [6, 6]


def test_memory_limits_a_cohort_and_one_cell_always_fits():
    cells = [cell(seed=seed) for seed in range(64)]
    assert max(len(cohort.cells) for cohort in make_cohorts(cells, ENDS, 1, Limits(2**20, 64))) < 64
    assert len(make_cohorts(cells, ENDS, 1, Limits(1, 64))) == 64
    limits = Limits(2**22, 64)
    for many in ((6400, 10), (64, 1000)):
        assert len(make_cohorts(cells, {"digits": many}, 1, limits)) > len(make_cohorts(cells, ENDS, 1, limits))


def test_a_few_cells_go_together_beyond_the_limit_but_not_beyond_their_own():
    cells = [cell(seed=seed) for seed in range(64)]
    each = bytes_of(build(cells[0].spec, 64, 10).layout, cells[0].spec.batch_size)

    def widest(*limits: float) -> int:
        return max(len(cohort.cells) for cohort in make_cohorts(cells, ENDS, 1, Limits(*map(int, limits))))

    assert widest(each, 64, FEW_CELLS * each) == FEW_CELLS
    assert widest(each, 64, 64 * each) == FEW_CELLS
    assert widest(each, 64, 4 * each) == 4
    assert widest(each, 2, FEW_CELLS * each) == 2
    assert widest(32 * each, 64, FEW_CELLS * each) == 32


def test_the_costliest_cohort_comes_first():
    cells = [cell(widths=(8,)), cell(widths=(8,) * 20), cell(widths=(8,) * 5)]
    depths = [len(cohort.cells[0].spec.widths) for cohort in make_cohorts(cells, ENDS, 1, WIDE)]
    assert depths == [20, 5, 1]


def test_where_kinds_mix_cells_that_differ_in_activation_and_clipping_go_together_sorted_by_kind():
    clips = [Level(kind, {"threshold": 1.0} if kind == "value" else {}) for kind in ("none", "value")]
    kinds = [(activation, clip) for activation in ("tanh", "relu") for clip in clips]
    cells = [cell(activation=kinds[seed % 4][0], clipping=kinds[seed % 4][1], seed=seed) for seed in range(16)]
    assert len(make_cohorts(cells, ENDS, 1, WIDE)) == 4
    (together,) = make_cohorts(cells, ENDS, 1, WIDE._replace(mixes=True))
    assert sorted(together.places) == list(range(16))
    assert [cells[place] for place in together.places] == together.cells
    seen = [(each.spec.activation.kind, each.spec.clipping.kind) for each in together.cells]
    assert len([*groupby(seen)]) == 4
    # Halves are less of a mixture than the whole.
    halves = make_cohorts(cells, ENDS, 2, WIDE._replace(mixes=True))
    assert [len({each.spec.activation.kind for each in half.cells}) for half in halves] == [1, 1]
