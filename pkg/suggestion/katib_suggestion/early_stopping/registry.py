"""Which early-stopping algorithms there are."""

from __future__ import annotations

from collections.abc import Mapping

from katib_suggestion.early_stopping.asha import Asha
from katib_suggestion.early_stopping.medianstop import MedianStop
from katib_suggestion.early_stopping.patience import Patience
from katib_suggestion.early_stopping.stopping import Stopper

STOPPERS: Mapping[str, type[Stopper]] = {"asha": Asha, "medianstop": MedianStop, "patience": Patience}
