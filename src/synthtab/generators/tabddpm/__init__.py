"""TabDDPM (Kotelnikov et al., 2023), the published model HybridDiffusion is compared with."""

from synthtab.generators.tabddpm.model import TabDDPM

__all__ = ["TabDDPM"]
