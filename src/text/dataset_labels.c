/* dataset_labels.c: what the numbers in label columns mean, and the classes that sparse probing, SCR and TPP choose
 * (SAEBench 0.6.0's dataset_info; spec: SAEBench part 1, 2.2 and 4.2). */
#include "text/dataset.h"

/* clang-format off: one label a line, in the order of the ids */
const hooke_label professions[N_PROFESSIONS] = {
    { "0", "accountant" },
    { "1", "architect" },
    { "2", "attorney" },
    { "3", "chiropractor" },
    { "4", "comedian" },
    { "5", "composer" },
    { "6", "dentist" },
    { "7", "dietitian" },
    { "8", "dj" },
    { "9", "filmmaker" },
    { "10", "interior_designer" },
    { "11", "journalist" },
    { "12", "model" },
    { "13", "nurse" },
    { "14", "painter" },
    { "15", "paralegal" },
    { "16", "pastor" },
    { "17", "personal_trainer" },
    { "18", "photographer" },
    { "19", "physician" },
    { "20", "poet" },
    { "21", "professor" },
    { "22", "psychologist" },
    { "23", "rapper" },
    { "24", "software_engineer" },
    { "25", "surgeon" },
    { "26", "teacher" },
    { "27", "yoga_teacher" },
};
const hooke_label genders[2] = { { "0", "male" }, { "1", "female" } };

const hooke_label amazon_categories[N_AMAZON_CATEGORIES] = {
    { "0", "All_Beauty" },
    { "1", "Toys_and_Games" },
    { "2", "Cell_Phones_and_Accessories" },
    { "3", "Industrial_and_Scientific" },
    { "4", "Gift_Cards" },
    { "5", "Musical_Instruments" },
    { "6", "Electronics" },
    { "7", "Handmade_Products" },
    { "8", "Arts_Crafts_and_Sewing" },
    { "9", "Baby_Products" },
    { "10", "Health_and_Household" },
    { "11", "Office_Products" },
    { "12", "Digital_Music" },
    { "13", "Grocery_and_Gourmet_Food" },
    { "14", "Sports_and_Outdoors" },
    { "15", "Home_and_Kitchen" },
    { "16", "Subscription_Boxes" },
    { "17", "Tools_and_Home_Improvement" },
    { "18", "Pet_Supplies" },
    { "19", "Video_Games" },
    { "20", "Kindle_Store" },
    { "21", "Clothing_Shoes_and_Jewelry" },
    { "22", "Patio_Lawn_and_Garden" },
    { "23", "Unknown" },
    { "24", "Books" },
    { "25", "Automotive" },
    { "26", "CDs_and_Vinyl" },
    { "27", "Beauty_and_Personal_Care" },
    { "28", "Amazon_Fashion" },
    { "29", "Magazine_Subscriptions" },
    { "30", "Software" },
    { "31", "Health_and_Personal_Care" },
    { "32", "Appliances" },
    { "33", "Movies_and_TV" },
};
const hooke_label amazon_ratings[2] = { { "1.0", "one star" }, { "5.0", "five stars" } };

const hooke_label news_topics[4] = {
    { "0", "World" }, { "1", "Sports" }, { "2", "Business" }, { "3", "Sci/Tech" }
};
const hooke_label code_languages[5] = {
    { "C", "C" }, { "Python", "Python" }, { "HTML", "HTML" }, { "Java", "Java" }, { "PHP", "PHP" },
};
const hooke_label europarl_languages[5] = {
    { "en", "English" }, { "fr", "French" }, { "de", "German" }, { "es", "Spanish" }, { "nl", "Dutch" },
};
const hooke_label choice_letters[4] = { { "0", "A" }, { "1", "B" }, { "2", "C" }, { "3", "D" } };

/* Chosen by SAEBench: at least 4,000 texts of each when balanced. */
static const hooke_label bios_set1[5] = {
    { "0", "accountant" }, { "1", "architect" }, { "2", "attorney" },
    { "6", "dentist" },    { "9", "filmmaker" },
};
static const hooke_label bios_set2[5] = {
    { "11", "journalist" },   { "13", "nurse" },     { "14", "painter" },
    { "18", "photographer" }, { "19", "physician" },
};
static const hooke_label bios_set3[5] = {
    { "20", "poet" },    { "21", "professor" }, { "22", "psychologist" },
    { "25", "surgeon" }, { "26", "teacher" },
};
static const hooke_label amazon_set[5] = {
    { "1", "Toys_and_Games" },
    { "2", "Cell_Phones_and_Accessories" },
    { "3", "Industrial_and_Scientific" },
    { "5", "Musical_Instruments" },
    { "6", "Electronics" },
};
/* clang-format on */

#define PROBING_AND_TPP "sparse_probing,tpp"
#define FOUR_THOUSAND   .n_train = 2000, .n_test = 500 /* 4,000 + 1,000 for a problem, half of them positive */

const hooke_problem_set dataset_problems[] = {
    { .name = "LabHC/bias_in_bios_class_set1",
      .dataset = "LabHC/bias_in_bios",
      .evals = PROBING_AND_TPP,
      .class_column = "profession",
      .balance_column = "gender",
      .classes = bios_set1,
      .n_classes = 5,
      FOUR_THOUSAND },
    { .name = "LabHC/bias_in_bios_class_set2",
      .dataset = "LabHC/bias_in_bios",
      .evals = "sparse_probing",
      .class_column = "profession",
      .balance_column = "gender",
      .classes = bios_set2,
      .n_classes = 5,
      FOUR_THOUSAND },
    { .name = "LabHC/bias_in_bios_class_set3",
      .dataset = "LabHC/bias_in_bios",
      .evals = "sparse_probing",
      .class_column = "profession",
      .balance_column = "gender",
      .classes = bios_set3,
      .n_classes = 5,
      FOUR_THOUSAND },
    { .name = "canrager/amazon_reviews_mcauley_1and5",
      .dataset = "canrager/amazon_reviews_mcauley_1and5",
      .evals = PROBING_AND_TPP,
      .class_column = "category",
      .balance_column = "rating",
      .classes = amazon_set,
      .n_classes = 5,
      FOUR_THOUSAND },
    { .name = "canrager/amazon_reviews_mcauley_1and5_sentiment",
      .dataset = "canrager/amazon_reviews_mcauley_1and5",
      .evals = "sparse_probing",
      .class_column = "rating",
      .balance_column = "",
      .classes = amazon_ratings,
      .n_classes = 2,
      FOUR_THOUSAND },
    { .name = "codeparrot/github-code",
      .dataset = "codeparrot/github-code",
      .evals = "sparse_probing",
      .class_column = "language",
      .balance_column = "",
      .classes = code_languages,
      .n_classes = 5,
      FOUR_THOUSAND },
    { .name = "fancyzhx/ag_news",
      .dataset = "fancyzhx/ag_news",
      .evals = "sparse_probing",
      .class_column = "label",
      .balance_column = "",
      .classes = news_topics,
      .n_classes = 4,
      FOUR_THOUSAND },
    { .name = "Helsinki-NLP/europarl",
      .dataset = "Helsinki-NLP/europarl",
      .evals = "sparse_probing",
      .class_column = "",
      .balance_column = "",
      .classes = europarl_languages,
      .n_classes = 5,
      FOUR_THOUSAND },
};
const int dataset_problems_n = sizeof dataset_problems / sizeof *dataset_problems;

/* Positive first. */
const hooke_scr_pair dataset_scr_pairs[] = {
    { "LabHC/bias_in_bios", { "21", "professor" }, { "13", "nurse" } },
    { "LabHC/bias_in_bios", { "1", "architect" }, { "11", "journalist" } },
    { "LabHC/bias_in_bios", { "25", "surgeon" }, { "22", "psychologist" } },
    { "LabHC/bias_in_bios", { "2", "attorney" }, { "26", "teacher" } },
    { "canrager/amazon_reviews_mcauley_1and5", { "24", "Books" }, { "26", "CDs_and_Vinyl" } },
    { "canrager/amazon_reviews_mcauley_1and5", { "30", "Software" }, { "6", "Electronics" } },
    { "canrager/amazon_reviews_mcauley_1and5", { "18", "Pet_Supplies" }, { "11", "Office_Products" } },
    { "canrager/amazon_reviews_mcauley_1and5",
      { "3", "Industrial_and_Scientific" },
      { "1", "Toys_and_Games" } },
};
const int dataset_scr_pairs_n = sizeof dataset_scr_pairs / sizeof *dataset_scr_pairs;
