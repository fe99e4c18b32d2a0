"""What the demo's shop sells, who sells it and who buys: all invented, the same for the same seed.

No brand or company here is a real one. Every category has 27 items: three brands, three makes, three
variants.
"""

import random
import re
from itertools import product
from typing import NamedTuple

PRICE_JITTER = 0.06
SELLERS_PER_ITEM_MAX = 3


class Category(NamedTuple):
    category_id: str
    name: str
    parent_id: str | None


class Seller(NamedTuple):
    name: str
    email: str


class Item(NamedTuple):
    sku: str
    category_id: str
    name: str
    brand: str
    weight_grams: int
    price_paise: int


class Offer(NamedTuple):
    """A seller's price for an item. `seller` is an index into the sellers."""

    seller: int
    sku: str
    price_paise: int


class Customer(NamedTuple):
    name: str
    email: str
    phone: str


class Make(NamedTuple):
    """What an item is: with its weight and, in the cheapest brand, its price."""

    text: str
    weight_grams: int
    price_rupees: int


class Assortment(NamedTuple):
    """A leaf category and what is in it. The `title` is a format of brand, make and variant."""

    category: Category
    sku_prefix: str
    brands: tuple[str, str, str]
    title: str
    makes: tuple[Make, Make, Make]
    variants: tuple[str, str, str]


BRAND_PRICE_FACTORS = (1.0, 1.25, 1.7)
"""Of an assortment's brands, in order: plain, good, fancy."""

DEPARTMENTS = (
    Category("electronics", "Electronics", None),
    Category("fashion", "Fashion", None),
    Category("home-kitchen", "Home & Kitchen", None),
    Category("toys-games", "Toys & Games", None),
    Category("grocery", "Grocery", None),
    Category("sports", "Sports", None),
    Category("stationery", "Stationery", None),
)

ASSORTMENTS = (
    Assortment(
        Category("mobile", "Mobile", "electronics"),
        "MOB",
        ("Tarang", "Vayuphone", "Nakshatra"),
        "{brand} smartphone {make}, {variant}",
        (Make("64 GB", 185, 8_999), Make("128 GB", 190, 11_999), Make("256 GB", 198, 16_499)),
        ("black", "sea blue", "sage green"),
    ),
    Assortment(
        Category("headphones", "Headphones", "electronics"),
        "AUD",
        ("Dhwani", "Swarika", "Nadam"),
        "{brand} {make}, {variant}",
        (
            Make("wired earphones", 45, 399),
            Make("wireless earbuds", 70, 1_499),
            Make("over-ear headphones", 310, 2_799),
        ),
        ("black", "white", "navy"),
    ),
    Assortment(
        Category("power-banks", "Power Banks", "electronics"),
        "PWR",
        ("Urjabox", "Voltara", "Surya Cell"),
        "{brand} power bank {make}, {variant}",
        (
            Make("5000 mAh", 130, 699),
            Make("10000 mAh", 230, 1_099),
            Make("20000 mAh", 420, 1_799),
        ),
        ("graphite", "white", "teal"),
    ),
    Assortment(
        Category("mens-shoes", "Mens Shoes", "fashion"),
        "MSH",
        ("Padayatra", "Kadamwala", "Stridecraft"),
        "{brand} men's {make}, {variant}",
        (
            Make("running shoes", 620, 1_499),
            Make("leather loafers", 780, 1_899),
            Make("trekking boots", 1_240, 2_999),
        ),
        ("UK 7", "UK 8", "UK 9"),
    ),
    Assortment(
        Category("womens-shoes", "Womens Shoes", "fashion"),
        "WSH",
        ("Payalika", "Morni", "Chalan"),
        "{brand} women's {make}, {variant}",
        (
            Make("kolhapuri sandals", 410, 799),
            Make("ballet flats", 380, 999),
            Make("walking shoes", 520, 1_699),
        ),
        ("UK 4", "UK 5", "UK 6"),
    ),
    Assortment(
        Category("kurtas", "Kurtas", "fashion"),
        "KUR",
        ("Sootkar", "Charkha Lane", "Reshmi Mahal"),
        "{brand} {make} kurta, size {variant}",
        (Make("cotton", 260, 699), Make("linen", 290, 1_099), Make("tussar silk", 240, 2_499)),
        ("M", "L", "XL"),
    ),
    Assortment(
        Category("backpacks", "Backpacks", "fashion"),
        "BAG",
        ("Yatri", "Pahadi", "Northtrail"),
        "{brand} backpack {make}, {variant}",
        (Make("20 L", 480, 799), Make("30 L", 690, 1_299), Make("45 L", 1_150, 2_399)),
        ("charcoal", "olive", "maroon"),
    ),
    Assortment(
        Category("cookware", "Cookware", "home-kitchen"),
        "CKW",
        ("Rasoighar", "Tawa & Co", "Annapurna Forge"),
        "{brand} {make}, {variant}",
        (
            Make("kadai", 1_450, 899),
            Make("dosa tawa", 1_300, 749),
            Make("saucepan with lid", 1_050, 999),
        ),
        ("22 cm", "26 cm", "30 cm"),
    ),
    Assortment(
        Category("bottles", "Water Bottles", "home-kitchen"),
        "BTL",
        ("Jharna", "Neerva", "Himdhara"),
        "{brand} {make} bottle, {variant}",
        (
            Make("steel", 260, 349),
            Make("insulated steel", 390, 799),
            Make("copper", 310, 949),
        ),
        ("500 ml", "750 ml", "1 l"),
    ),
    Assortment(
        Category("bedsheets", "Bedsheets", "home-kitchen"),
        "BED",
        ("Nidra", "Chadarwala", "Loomstead"),
        "{brand} {make} bedsheet with pillow covers, {variant}",
        (
            Make("single", 650, 599),
            Make("double", 1_150, 999),
            Make("king", 1_400, 1_499),
        ),
        ("block print", "stripes", "plain ivory"),
    ),
    Assortment(
        Category("lamps", "Lamps", "home-kitchen"),
        "LMP",
        ("Deepali", "Roshanika", "Ujala House"),
        "{brand} {make}, {variant}",
        (
            Make("desk lamp", 820, 899),
            Make("night lamp", 240, 349),
            Make("floor lamp", 3_600, 2_999),
        ),
        ("brass", "matt black", "white"),
    ),
    Assortment(
        Category("toy", "Toy", "toys-games"),
        "TOY",
        ("Khilona Ghar", "Lattoo", "Mela Toys"),
        "{brand} {make}, {variant}",
        (
            Make("wooden train", 720, 649),
            Make("pull-along elephant", 450, 499),
            Make("stacking rings", 380, 399),
        ),
        ("red", "yellow", "rainbow"),
    ),
    Assortment(
        Category("board-games", "Board Games", "toys-games"),
        "GAM",
        ("Chaupal", "Pachisi Works", "Sher Games"),
        "{brand} {make}, {variant} edition",
        (Make("ludo", 520, 299), Make("chess set", 940, 599), Make("carrom board", 4_800, 1_799)),
        ("travel", "family", "gift"),
    ),
    Assortment(
        Category("building-blocks", "Building Blocks", "toys-games"),
        "BLK",
        ("Intwala", "Kilaboks", "Haveli Blocks"),
        "{brand} building blocks {make}, {variant}",
        (
            Make("100 pieces", 480, 549),
            Make("250 pieces", 1_050, 1_149),
            Make("500 pieces", 1_950, 1_999),
        ),
        ("fort", "railway", "farm"),
    ),
    Assortment(
        Category("tea", "Tea", "grocery"),
        "TEA",
        ("Bagan", "Chaiwali", "Dooars Leaf"),
        "{brand} {make} tea, {variant}",
        (Make("Assam", 280, 159), Make("Darjeeling", 270, 349), Make("masala", 285, 189)),
        ("loose leaf", "100 bags", "gift tin"),
    ),
    Assortment(
        Category("spices", "Spices", "grocery"),
        "SPC",
        ("Masaledar", "Haldi Haat", "Tellicherry Lane"),
        "{brand} {make}, {variant}",
        (
            Make("turmeric powder", 110, 59),
            Make("garam masala", 110, 95),
            Make("green cardamom", 60, 289),
        ),
        ("pouch", "jar", "family pack"),
    ),
    Assortment(
        Category("snacks", "Snacks", "grocery"),
        "SNK",
        ("Chatpata", "Nukkad", "Farsan Bhavan"),
        "{brand} {make}, {variant}",
        (Make("banana chips", 220, 99), Make("bhujia", 220, 89), Make("roasted makhana", 110, 159)),
        ("salted", "peri peri", "pudina"),
    ),
    Assortment(
        Category("cricket", "Cricket", "sports"),
        "CRI",
        ("Chauka", "Maidan", "Tenth Over"),
        "{brand} {make}, {variant}",
        (
            Make("kashmir willow bat", 1_180, 1_299),
            Make("batting gloves", 340, 699),
            Make("kit bag", 1_650, 1_599),
        ),
        ("junior", "youth", "senior"),
    ),
    Assortment(
        Category("yoga", "Yoga", "sports"),
        "YOG",
        ("Aasan Works", "Shanti Mat", "Pranaya"),
        "{brand} {make}, {variant}",
        (
            Make("yoga mat", 980, 699),
            Make("cork block", 420, 449),
            Make("cotton strap", 160, 249),
        ),
        ("indigo", "terracotta", "forest green"),
    ),
    Assortment(
        Category("notebooks", "Notebooks", "stationery"),
        "NTB",
        ("Patrika", "Kalam & Kagaz", "Likhavat"),
        "{brand} {make} notebook, {variant}",
        (Make("A6", 120, 79), Make("A5", 230, 129), Make("A4", 430, 199)),
        ("ruled", "dotted", "plain"),
    ),
)

SELLER_NAMES = (
    "Kaveri Home Stores", "Deccan Footwear Traders", "Brahmaputra Tea House", "Vindhya Electronics",
    "Konkan Lifestyle", "Aravalli Handlooms", "Sabarmati Retail", "Malwa Kitchen Company",
    "Coromandel Sports", "Ganga Stationers", "Nilgiri Naturals", "Thar Bazaar", "Awadh Emporium",
    "Chilika Traders", "Satpura Outfitters", "Doab General Stores", "Periyar Spice Depot",
    "Kumaon Outdoor", "Hooghly Toys", "Godavari Mart", "Marwar Merchants", "Mithila Crafts",
    "Sahyadri Supplies", "Tungabhadra Traders", "Zanskar Trading Post",
)  # fmt: skip

FIRST_NAMES = (
    "Aarav", "Ananya", "Arjun", "Bhavna", "Chetan", "Deepa", "Divya", "Farhan", "Gauri", "Harpreet",
    "Imran", "Ishita", "Jaspal", "Joseph", "Kabir", "Kavya", "Lakshmi", "Lobsang", "Manish", "Meera",
    "Nandini", "Nikhil", "Omkar", "Padma", "Pooja", "Rahul", "Rekha", "Rohan", "Sanjana", "Sunil",
    "Tashi", "Usha", "Varun", "Vidya", "Yusuf", "Zoya",
)  # fmt: skip
LAST_NAMES = (
    "Agarwal", "Bhat", "Borah", "Chatterjee", "Das", "Deshpande", "Fernandes", "Gill", "Gowda",
    "Gupta", "Iyer", "Jadhav", "Khan", "Kulkarni", "Lepcha", "Mehta", "Menon", "Mishra", "Naik",
    "Nair", "Patel", "Pillai", "Rao", "Reddy", "Sahu", "Sangma", "Sharma", "Singh", "Soren",
    "Thomas", "Verma", "Yadav",
)  # fmt: skip


def categories() -> list[Category]:
    """Departments first, so that a parent is always known before its children."""
    return [*DEPARTMENTS, *(assortment.category for assortment in ASSORTMENTS)]


def sellers() -> list[Seller]:
    return [Seller(name, f"orders@{_domain(name)}") for name in SELLER_NAMES]


def items(rng: random.Random) -> list[Item]:
    return [item for assortment in ASSORTMENTS for item in _items_of(assortment, rng)]


def _items_of(assortment: Assortment, rng: random.Random) -> list[Item]:
    brands = zip(assortment.brands, BRAND_PRICE_FACTORS, strict=True)
    return [
        Item(
            sku=_sku(assortment.sku_prefix, brand.split()[0], make.text.split()[0], variant),
            category_id=assortment.category.category_id,
            name=assortment.title.format(brand=brand, make=make.text, variant=variant),
            brand=brand,
            weight_grams=make.weight_grams,
            price_paise=_rounded(make.price_rupees * 100 * factor * _jitter(rng)),
        )
        for (brand, factor), make, variant in product(brands, assortment.makes, assortment.variants)
    ]


def offers(catalog: list[Item], seller_count: int, rng: random.Random) -> list[Offer]:
    """One to three sellers for each item, each at a price of its own."""
    return [
        Offer(seller, item.sku, _rounded(item.price_paise * _jitter(rng)))
        for item in catalog
        for seller in sorted(
            rng.sample(range(seller_count), rng.randint(1, min(SELLERS_PER_ITEM_MAX, seller_count)))
        )
    ]


def customers(count: int, rng: random.Random) -> list[Customer]:
    """Names may repeat, as they do; e-mail addresses don't."""
    return [_customer(number, rng) for number in range(1, count + 1)]


def _customer(number: int, rng: random.Random) -> Customer:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    email = f"{first}.{last}.{number}@example.com".lower()
    return Customer(f"{first} {last}", email, f"+91 90000 {number:05}")


def _sku(*words: str) -> str:
    """Capitals and digits of each word: `TEA-BAGAN-ASSAM-GIFTTIN`."""
    return "-".join(re.sub(r"[^A-Z0-9]", "", word.upper()) for word in words)


def _domain(name: str) -> str:
    """Below example.com, which nobody can own (RFC 2606)."""
    return f"{re.sub(r'[^a-z]+', '-', name.lower())}.example.com"


def _jitter(rng: random.Random) -> float:
    return rng.uniform(1 - PRICE_JITTER, 1 + PRICE_JITTER)


def _rounded(price_paise: float) -> int:
    """A shop's price: whole rupees ending in 9, from 9 rupees up."""
    return max(1, round(price_paise / 1_000)) * 1_000 - 100
