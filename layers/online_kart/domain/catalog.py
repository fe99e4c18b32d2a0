"""What can be sold: the tree of categories (I7) and the items in it (I8)."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from .base import Model, example
from .values import Instant, Name, Sku

CategoryId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60),
    Field(examples=["mens-shoes"]),
]
ItemStatus = Literal["active", "withdrawn"]
WeightGrams = Annotated[int, Field(ge=1, le=1_000_000)]
Brand = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class DescribeCategory(Model):
    model_config = example(name="Shoes for men", parent_id="shoes")

    name: Name
    parent_id: CategoryId | None = None


class AddCategory(DescribeCategory):
    model_config = example(category_id="mens-shoes", name="Shoes for men", parent_id="shoes")

    category_id: CategoryId


class Category(Model):
    """`parent_id` is None at the top of the tree."""

    category_id: CategoryId
    name: str
    parent_id: CategoryId | None
    version: int


class Item(Model):
    sku: Sku
    category_id: CategoryId
    name: str
    brand: str
    weight_grams: int
    registered_by: UUID
    status: ItemStatus
    version: int
    created_at: Instant

    def is_described_as(self, other: "Item") -> bool:
        """Whether both say the same of the goods, whoever registered them, and when."""
        return self._description() == other._description()

    def _description(self) -> Sequence[object]:
        return self.sku, self.category_id, self.name, self.brand, self.weight_grams
