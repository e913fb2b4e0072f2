"""Muon: momentum whose matrices are made orthogonal before the step (Jordan et al. 2024).

The steps are scaled to the size of AdamW's (Liu et al. 2025, "Muon is scalable for LLM training"), so that one learning
rate serves both: matrices inside the network go through Muon, everything else through AdamW.
"""
import torch

# Quintic Newton-Schulz coefficients of Jordan et al.: they bring singular values into 0.7 ... 1.2 in five rounds.
A, B, C = 3.4445, -4.7750, 2.0315


def orthogonal(m, rounds=5):
    """The nearest (semi-)orthogonal matrices to [..., rows, columns], roughly."""
    tall = m.shape[-2] > m.shape[-1]
    x = m.mT if tall else m
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=1e-3):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"]
                m.lerp_(p.grad, 1 - group["momentum"])
                step = p.grad.lerp(m, group["momentum"])  # Nesterov
                # A GRU's weights are one matrix for each gate.
                rows, columns = step.shape[-2:]
                blocks = step.view(-1, columns, columns) if rows % columns == 0 and step.dim() == 2 else step
                blocks = orthogonal(blocks)
                scale = 0.2 * max(blocks.shape[-2:]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(blocks.reshape(p.shape) * (group["lr"] * scale))
