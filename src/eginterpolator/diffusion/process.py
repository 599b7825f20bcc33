"""Noise processes: how a raw network output becomes denoised coordinates.

Every process is written in the variance-exploding picture x_sigma = x_0 + sigma * noise, so that one set of samplers
and one interface `denoise(x, sigma) -> x_0` serve them all. A network is any callable
`network(scaled frames [B, T, N, 3], noise label [B, T], ...) -> raw output [B, T, N, 3]`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from eginterpolator.diffusion.memory import NoiseMemory


class NoiseProcess(ABC):
    """Scaling of inputs and outputs of a network, distribution of noise levels in training, and levels to sample at.

    All sigmas are in Å, of any shape that broadcasts against frames [..., 1, 1].
    """

    sigma_min: float
    sigma_max: float
    memory: NoiseMemory = NoiseMemory()

    @abstractmethod
    def input_scale(self, sigma: Tensor) -> Tensor:
        """Factor c_in on the noisy coordinates."""

    @abstractmethod
    def label(self, sigma: Tensor) -> Tensor:
        """Noise label that the network sees, of order one."""

    @abstractmethod
    def skip_scale(self, sigma: Tensor) -> Tensor:
        """Factor c_skip of x in the denoised coordinates."""

    @abstractmethod
    def output_scale(self, sigma: Tensor) -> Tensor:
        """Factor c_out of the raw output in the denoised coordinates."""

    @abstractmethod
    def sample_sigma(self, uniform: Tensor) -> Tensor:
        """Training noise level for a number in (0, 1)."""

    @abstractmethod
    def levels(self, steps: int) -> Tensor:
        """Decreasing noise levels for sampling, float64 [steps + 1], the last one 0."""

    def denoise(self, raw: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """x_0 = c_skip x + c_out raw, for x [B, T, N, 3] and sigma [B, T]; (3) of docs/method.md."""
        sigma = sigma[..., None, None]
        return self.skip_scale(sigma) * x + self.output_scale(sigma) * raw.to(x.dtype)

    def target(self, x0: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """What the raw output should be: (x_0 - c_skip x) / c_out; of unit size at every level."""
        sigma = sigma[..., None, None]
        return (x0 - self.skip_scale(sigma) * x) / self.output_scale(sigma)

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Class name and parameters, for the checkpoint."""


class Preconditioned(NoiseProcess):
    """Continuous noise levels with input and output preconditioning (Karras et al. 2022, Table 1, 'EDM').

    Equation (4) of docs/method.md.

    Parameters
    ----------
    sigma_data : float
        Root mean square coordinate of centred molecules, Å.
    log_mean, log_std : float
        Normal distribution of log(sigma / Å) in training.
    rho : float
        Curvature of the sampling levels.
    memory : dict or None
        Parameters of the `NoiseMemory` along a trajectory; None is white noise.
    """

    def __init__(
        self,
        sigma_data: float = 1.4,
        log_mean: float = -1.0,
        log_std: float = 1.5,
        sigma_min: float = 0.01,
        sigma_max: float = 12.0,
        rho: float = 5.0,
        memory: dict[str, Any] | None = None,
    ) -> None:
        self.sigma_data, self.log_mean, self.log_std = sigma_data, log_mean, log_std
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho
        self.memory = NoiseMemory(**(memory or {}))

    def _total(self, sigma: Tensor) -> Tensor:
        return (sigma.square() + self.sigma_data**2).sqrt()

    def input_scale(self, sigma: Tensor) -> Tensor:
        # Karras' c_in times sigma_data: coordinates keep their Å at small noise, where bond lengths are read.
        return self.sigma_data / self._total(sigma)

    def label(self, sigma: Tensor) -> Tensor:
        return sigma.clamp(min=1e-3).log() / 4

    def skip_scale(self, sigma: Tensor) -> Tensor:
        return self.sigma_data**2 / self._total(sigma).square()

    def output_scale(self, sigma: Tensor) -> Tensor:
        return sigma * self.sigma_data / self._total(sigma)

    def sample_sigma(self, uniform: Tensor) -> Tensor:
        """Its noise levels in training, (5) of docs/method.md."""
        normal = math.sqrt(2.0) * torch.erfinv(2.0 * uniform - 1.0)
        sigma = torch.exp(self.log_mean + self.log_std * normal)
        return sigma.clamp(self.sigma_min / 2, self.sigma_max * 1.5)

    def levels(self, steps: int) -> Tensor:
        """Its noise levels in sampling, (6) of docs/method.md."""
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return torch.cat([(high + ramp * (low - high)) ** self.rho, ramp.new_zeros(1)])

    def config(self) -> dict[str, Any]:
        names = ("sigma_data", "log_mean", "log_std", "sigma_min", "sigma_max", "rho")
        memory = {"memory": self.memory.config()} if self.memory.scale else {}
        return {"class": "Preconditioned", **{name: getattr(self, name) for name in names}, **memory}


class DDPM(NoiseProcess):
    """The published epsilon-form: discrete steps, linear beta (SPEC section 3).

    Equation (7) of docs/method.md.

    With abar the product of 1 - beta, x_tau = sqrt(abar) x_0 + sqrt(1 - abar) eps is sqrt(abar) times the frames
    here, and sigma = sqrt((1 - abar) / abar). The raw output is eps, so x_0 = x - sigma eps; the training loss on
    the target is the published |eps - eps_theta|^2.
    """

    def __init__(self, steps: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> None:
        self.steps, self.beta_min, self.beta_max = steps, beta_min, beta_max
        self.abar = torch.cumprod(1 - self.betas(), dim=0)
        self.sigmas = ((1 - self.abar) / self.abar).sqrt()  # increasing, Å
        self.sigma_min, self.sigma_max = float(self.sigmas[0]), float(self.sigmas[-1])

    def betas(self) -> Tensor:
        """Variances of the steps, float64 [steps]."""
        return torch.linspace(self.beta_min, self.beta_max, self.steps, dtype=torch.float64)

    def input_scale(self, sigma: Tensor) -> Tensor:
        return (1 + sigma.square()).rsqrt()

    def label(self, sigma: Tensor) -> Tensor:
        table = self.sigmas.to(sigma.device, sigma.dtype)
        step = torch.searchsorted(table, sigma.contiguous() * (1 - 1e-5))
        return step.clamp(max=self.steps - 1).to(sigma.dtype) / self.steps

    def skip_scale(self, sigma: Tensor) -> Tensor:
        return torch.ones_like(sigma)

    def output_scale(self, sigma: Tensor) -> Tensor:
        return -sigma

    def sample_sigma(self, uniform: Tensor) -> Tensor:
        step = (uniform * self.steps).long().clamp(max=self.steps - 1)
        return self.sigmas.to(uniform.device, uniform.dtype)[step]

    def levels(self, steps: int) -> Tensor:
        chosen = torch.linspace(self.steps - 1, 0, min(steps, self.steps)).round().long()
        return torch.cat([self.sigmas[chosen], self.sigmas.new_zeros(1)])

    def config(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__, "steps": self.steps, "beta_min": self.beta_min, "beta_max": self.beta_max,
        }  # fmt: skip


class SigmoidDDPM(DDPM):
    """DDPM with variances that rise along a sigmoid from -6 to 6: the process of GeoDiff (SPEC section 7)."""

    def __init__(self, steps: int = 5000, beta_min: float = 1e-7, beta_max: float = 2e-3) -> None:
        super().__init__(steps, beta_min, beta_max)

    def betas(self) -> Tensor:
        ramp = torch.sigmoid(torch.linspace(-6, 6, self.steps, dtype=torch.float64))
        return self.beta_min + (self.beta_max - self.beta_min) * ramp


class NCSN(NoiseProcess):
    """Noise-conditioned score at geometric levels (Song and Ermon 2019; SPEC section 7 for ConfGF).

    The raw output is sigma times the score, so x_0 = x + sigma raw is one step along it (Tweedie's formula where the
    score is that of the noisy coordinates). `annealed_langevin` samples it.
    """

    def __init__(self, levels: int = 50, sigma_min: float = 0.01, sigma_max: float = 10.0) -> None:
        self.n_levels, self.sigma_min, self.sigma_max = levels, sigma_min, sigma_max

    def _level(self, share: Tensor) -> Tensor:
        return self.sigma_max * (self.sigma_min / self.sigma_max) ** share

    def input_scale(self, sigma: Tensor) -> Tensor:
        return torch.ones_like(sigma)

    def label(self, sigma: Tensor) -> Tensor:
        return sigma.clamp(min=1e-3).log() / 4

    def skip_scale(self, sigma: Tensor) -> Tensor:
        return torch.ones_like(sigma)

    def output_scale(self, sigma: Tensor) -> Tensor:
        return sigma

    def sample_sigma(self, uniform: Tensor) -> Tensor:
        index = (uniform * self.n_levels).floor().clamp(max=self.n_levels - 1)
        return self._level(index / max(1, self.n_levels - 1))

    def levels(self, steps: int) -> Tensor:
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        return torch.cat([self._level(ramp), ramp.new_zeros(1)])

    def config(self) -> dict[str, Any]:
        return {
            "class": "NCSN", "levels": self.n_levels, "sigma_min": self.sigma_min, "sigma_max": self.sigma_max,
        }  # fmt: skip


def process_from_config(config: dict[str, Any]) -> NoiseProcess:
    """Rebuild a process from `NoiseProcess.config()`."""
    known: tuple[type[NoiseProcess], ...] = (Preconditioned, DDPM, SigmoidDDPM, NCSN)
    classes = {process.__name__: process for process in known}
    arguments = {key: value for key, value in config.items() if key != "class"}
    return classes[config["class"]](**arguments)
