"""Define the reader for training: the layers of BERT over frozen word embeddings, and a linear head with three outputs.

The first two outputs are the start and end scores of every token. Their values at ``<s>`` mean "the answer is not here"
(Devlin et al., 2019, as for SQuAD 2). The third output, at ``<s>`` alone, is the log-odds that the passage answers, as
in ELECTRA's head for SQuAD 2 (Clark et al., 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

if TYPE_CHECKING:  # a machine that only trains has PyTorch and numpy alone
    from rag.models.onnx_graph import LayerWeights

OUTPUTS = 3
HIDDEN_SCORE = -1e4
"""The score of a padding token."""
ANSWERABLE_WEIGHT = 0.5
"""What the third output's loss counts beside that of the span."""


class Reader(nn.Module):
    """The bundled encoder's layers with the head on top, in bf16 with the residual stream and the norms in fp32."""

    words: Tensor
    positions: Tensor

    def __init__(self, weights: LayerWeights) -> None:
        super().__init__()
        self.heads, self.layers, self.hidden = weights.heads, weights.layers, weights.hidden
        hidden = self.hidden
        self.register_buffer("words", torch.tensor(weights.matrix("emb.word", hidden)).bfloat16(), persistent=False)
        positions = weights.matrix("emb.pos", hidden) + weights.tensor("emb.type")[:hidden]
        self.register_buffer("positions", torch.tensor(positions), persistent=False)
        self.body = nn.ParameterDict()
        for name in ("emb.ln.w", "emb.ln.b"):
            self.body[name.replace(".", "_")] = nn.Parameter(torch.tensor(weights.tensor(name)))
        for layer in range(self.layers):
            for part in ("q", "k", "v", "ao", "aln", "fi", "fo", "oln"):
                for kind in "wb":
                    value = torch.tensor(weights.tensor(f"l{layer}.{part}.{kind}"))
                    if kind == "w" and not part.endswith("ln"):
                        value = value.reshape(-1, weights.feed_forward if part == "fo" else hidden)
                    self.body[f"l{layer}_{part}_{kind}"] = nn.Parameter(value.clone())
        self.head = nn.Linear(hidden, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def freeze(self, layers: int) -> None:
        """Leave the embedding's norm and the first layers as they are."""
        for name, value in self.body.items():
            value.requires_grad = not (name.startswith("emb") or any(name.startswith(f"l{i}_") for i in range(layers)))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the scores, shape (batch, n, 3), `HIDDEN_SCORE` behind the end of a text."""
        kind = torch.bfloat16
        weight = {name: value.to(kind) for name, value in self.body.items()}
        batch, n = ids.shape
        hidden = self.hidden
        wide = hidden // self.heads
        x = self.words[ids].float() + self.positions[:n]
        x = F.layer_norm(x, (hidden,), self.body["emb_ln_w"], self.body["emb_ln_b"], 1e-12)
        # Batches are of like length: most need no mask, which costs as much as the product before it.
        padded = not bool(mask.all())
        unseen = torch.zeros(batch, 1, 1, n, dtype=kind, device=ids.device).masked_fill(~mask[:, None, None, :], -1e4)
        for layer in range(self.layers):

            def w(part: str, at: str = f"l{layer}_") -> tuple[Tensor, Tensor]:
                return weight[f"{at}{part}_w"], weight[f"{at}{part}_b"]

            def norm(x: Tensor, part: str, at: str = f"l{layer}_") -> Tensor:
                return F.layer_norm(x, (hidden,), self.body[f"{at}{part}_w"], self.body[f"{at}{part}_b"], 1e-12)

            # Attention written out is quicker in bf16 on a CPU than the fused one, whose backward pass is slow there.
            joint = F.linear(x.to(kind), *(torch.cat(both) for both in zip(w("q"), w("k"), w("v"), strict=True)))
            q, k, v = (t.reshape(-1, n, wide) for t in joint.view(batch, n, 3, self.heads, wide).permute(2, 0, 3, 1, 4))
            weighed = torch.bmm(q * wide**-0.5, k.transpose(1, 2)).view(batch, self.heads, n, n)
            weighed = weighed + unseen if padded else weighed
            mixed = torch.bmm(weighed.softmax(-1).view(-1, n, n), v).view(batch, self.heads, n, wide)
            mixed = F.linear(mixed.transpose(1, 2).reshape(batch, n, hidden), *w("ao"))
            x = norm(x + mixed, "aln")
            x = norm(x + F.linear(F.gelu(F.linear(x.to(kind), *w("fi"))), *w("fo")), "oln")
        scores: Tensor = self.head(x)
        return scores.masked_fill(~mask[:, :, None], HIDDEN_SCORE)


def open_optimiser(reader: Reader, rate: float, decay: float = 0.01) -> tuple[list[nn.Parameter], Optimizer]:
    """Return the parameters that are learned and their optimiser."""
    learned = [p for p in reader.parameters() if p.requires_grad]
    return learned, torch.optim.AdamW(learned, lr=rate, weight_decay=decay, betas=(0.9, 0.98), fused=True)


def loss_of(scores: Tensor, gold: Tensor) -> Tensor:
    """Return the mean loss: cross-entropy of start and end, and of whether there is an answer at all.

    Args:
        scores: shape (batch, n, 3).
        gold: shape (batch, 2), the positions of the answers' first and last tokens, 0 for none.
    """
    span = (F.cross_entropy(scores[:, :, 0], gold[:, 0]) + F.cross_entropy(scores[:, :, 1], gold[:, 1])) / 2
    answerable = F.binary_cross_entropy_with_logits(scores[:, 0, 2], (gold[:, 0] > 0).float())
    return span + ANSWERABLE_WEIGHT * answerable
