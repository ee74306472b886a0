"""motpe: multivariate-tpe for several objectives.

References: Ozaki, Tanigaki, Watanabe, Onishi, GECCO 2020; Watanabe, arXiv:2304.11127.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from katib_suggestion.algorithms.multivariate_tpe import MultivariateTPE
from katib_suggestion.objectives import SeveralObjectives
from katib_suggestion.pareto import best_rows, losses_of
from katib_suggestion.search import Search


@dataclass(frozen=True)
class MOTPE(MultivariateTPE, SeveralObjectives):
    """As multivariate-tpe: the best trials are those of the first fronts."""

    def _best(self, search: Search) -> NDArray[np.bool_]:
        losses = losses_of(search.known)
        found = np.zeros(len(losses), dtype=bool)
        found[best_rows(losses, self._good_count(len(losses)))] = True
        return found
